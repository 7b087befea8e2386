//! Language tools: node and python.

use super::{tool, works, works_by};
use crate::harness::{Run, Scene};

/// A node project that depends on a package beside it.
fn node_project(scene: &Scene) {
    scene.write(
        &scene.at_work("package.json"),
        "{\"name\":\"demo\",\"version\":\"1.0.0\",\"dependencies\":{\"left\":\"file:./left\"}}\n",
    );
    scene.write(
        &scene.at_work("left/package.json"),
        "{\"name\":\"left\",\"version\":\"1.0.0\",\"scripts\":{\"postinstall\":\"echo installed >ran\"}}\n",
    );
    scene.write(&scene.at_work("left/index.js"), "module.exports = () => 'left'\n");
    scene.write(
        &scene.at_work("demo.test.js"),
        "const test = require('node:test'); const assert = require('node:assert');\ntest('left', () => assert.equal(require('left')(), 'left'))\n",
    );
}

#[test]
fn npm_installs_a_local_package_and_node_tests_it() {
    works(&["npm", "node"], node_project, "npm install --no-audit --no-fund --offline && node --test && npm ls left");
}

#[test]
fn node_starts_workers_and_children() {
    works(
        &["node"],
        |_| {},
        "node -e \"const {Worker} = require('node:worker_threads'); const {execFileSync} = require('node:child_process'); \
         new Worker('require(\\\"node:worker_threads\\\").parentPort.postMessage(1)', {eval: true}).on('message', () => \
         console.log(execFileSync('/bin/echo', ['child']).toString()))\" | grep -q child",
    );
}

/// A wheel, as a build tool would have made it.
const MAKE_A_WHEEL: &str = "import zipfile\n\
    with zipfile.ZipFile('demo-1.0-py3-none-any.whl', 'w') as wheel:\n\
    \x20   wheel.writestr('demo.py', 'def hello(): print(\"hello from demo\")\\n')\n\
    \x20   wheel.writestr('demo-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n')\n\
    \x20   wheel.writestr('demo-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: e2e\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
    \x20   wheel.writestr('demo-1.0.dist-info/RECORD', 'demo.py,,\\ndemo-1.0.dist-info/METADATA,,\\ndemo-1.0.dist-info/WHEEL,,\\ndemo-1.0.dist-info/RECORD,,\\n')\n";

/// Whether the system's python can make environments.
fn python_has_venv() -> bool {
    let has = std::process::Command::new(tool("python3")).args(["-c", "import venv, ensurepip"]).status();
    let has = has.is_ok_and(|status| status.success());
    if !has {
        crate::harness::skip("python3 has no venv (tests/packages.txt names the package)");
    }
    has
}

#[test]
fn python_makes_an_environment_and_pip_installs_a_local_wheel() {
    if !crate::harness::require(&["python3"]) || !python_has_venv() {
        return;
    }
    works_by(
        &["python3"],
        |scene| scene.write(&scene.at_work("make_wheel.py"), MAKE_A_WHEEL),
        |_| {
            Run::shell(
                "set -e; export PYTHONDONTWRITEBYTECODE=1; /usr/bin/python3 make_wheel.py; /usr/bin/python3 -m venv venv; \
                 venv/bin/pip install -q --no-compile --no-index ./demo-1.0-py3-none-any.whl; venv/bin/python -c 'import demo; demo.hello()' | grep -q hello",
            )
        },
    );
}

#[test]
fn python_uses_pools_and_temporary_files() {
    works(
        &["python3"],
        |scene| {
            scene.write(
                &scene.at_work("pool.py"),
                "import multiprocessing, tempfile\ndef double(x): return 2 * x\nif __name__ == '__main__':\n    \
                 with tempfile.NamedTemporaryFile() as f, multiprocessing.Pool(2) as pool:\n        \
                 f.write(b'x'); assert pool.map(double, [1, 2]) == [2, 4]; assert multiprocessing.Lock().acquire()\n",
            );
        },
        "/usr/bin/python3 pool.py",
    );
}
