//! Language tools: node and python.

use super::Workload;
use crate::harness::{Scene, host};

/// A node project that depends on a package beside it.
fn node_project(scene: &mut Scene) {
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
    Workload::shell(
        "npm install of a package beside it, `node --test`, npm ls",
        "export npm_config_update_notifier=false; npm install --no-audit --no-fund --offline >log && node --test >>log && npm ls left",
    )
    .tools(&["npm", "node"])
    .prepare(node_project)
    .content_varies(&["log"])
    .holds();
}

#[test]
fn node_starts_workers_and_children() {
    Workload::shell(
        "node: worker threads and child processes",
        "node -e \"const {Worker} = require('node:worker_threads'); const {execFileSync} = require('node:child_process'); \
         new Worker('require(\\\"node:worker_threads\\\").parentPort.postMessage(1)', {eval: true}).on('message', () => \
         console.log(execFileSync('/bin/echo', ['child']).toString()))\"",
    )
    .tools(&["node"])
    .holds();
}

/// A wheel, as a build tool would have made it.
const MAKE_A_WHEEL: &str = "import zipfile\n\
    with zipfile.ZipFile('demo-1.0-py3-none-any.whl', 'w') as wheel:\n\
    \x20   wheel.writestr('demo.py', 'def hello(): print(\"hello from demo\")\\n')\n\
    \x20   wheel.writestr('demo-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n')\n\
    \x20   wheel.writestr('demo-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: e2e\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
    \x20   wheel.writestr('demo-1.0.dist-info/RECORD', 'demo.py,,\\ndemo-1.0.dist-info/METADATA,,\\ndemo-1.0.dist-info/WHEEL,,\\ndemo-1.0.dist-info/RECORD,,\\n')\n";

/// Whether the system's python has these modules; says so when not.
fn python_has(modules: &str) -> bool {
    let Some(python) = host::find("python3") else { return host::require(&["python3"]) };
    let has = std::process::Command::new(python)
        .args(["-c", &format!("import {modules}")])
        .stderr(std::process::Stdio::null())
        .status();
    let has = has.is_ok_and(|status| status.success());
    if !has {
        host::skip(&format!("python3 has not all of {modules} (tests/packages.txt names the packages)"));
    }
    has
}

#[test]
fn python_makes_an_environment_and_pip_installs_a_local_wheel() {
    if !python_has("venv, ensurepip") {
        return;
    }
    Workload::shell(
        "python: a virtual environment, pip install of a wheel beside it",
        "set -e; export PYTHONDONTWRITEBYTECODE=1; /usr/bin/python3 make_wheel.py; /usr/bin/python3 -m venv venv; \
         venv/bin/pip install -q --no-compile --no-index ./demo-1.0-py3-none-any.whl; venv/bin/python -c 'import demo; demo.hello()'",
    )
    .prepare(|scene| scene.write(&scene.at_work("make_wheel.py"), MAKE_A_WHEEL))
    .content_varies(&["*.whl", "*.pyc"])
    .holds();
}

#[test]
fn python_uses_pools_and_temporary_files() {
    Workload::shell("python: process pools, locks, temporary files", "/usr/bin/python3 pool.py")
        .tools(&["python3"])
        .prepare(|scene| {
            scene.write(
                &scene.at_work("pool.py"),
                "import multiprocessing, tempfile\ndef double(x): return 2 * x\nif __name__ == '__main__':\n    \
                 with tempfile.NamedTemporaryFile() as f, multiprocessing.Pool(2) as pool:\n        \
                 f.write(b'x'); assert pool.map(double, [1, 2]) == [2, 4]; assert multiprocessing.Lock().acquire()\n",
            );
        })
        .holds();
}
