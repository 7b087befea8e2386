//! Language tools: node and python.

use super::Workload;
use crate::harness::{Run, Scene, host};

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

/// A project with a native module in C++ (`binding.gyp`), a dependency from the registry, and tests.
fn native_project(scene: &mut Scene) {
    for (name, content) in [
        (
            "package.json",
            "{\"name\":\"demo\",\"version\":\"1.0.0\",\"private\":true,\"scripts\":{\"build\":\"node-gyp rebuild\",\"test\":\"node --test\"},\
             \"dependencies\":{\"lobster-left\":\"^1.0.0\"}}\n",
        ),
        ("binding.gyp", "{\"targets\": [{\"target_name\": \"two\", \"sources\": [\"two.cc\"]}]}\n"),
        (
            "two.cc",
            "#include <node_api.h>\nstatic napi_value two(napi_env env, napi_callback_info) { napi_value value; napi_create_int32(env, 2, &value); return value; }\n\
             NAPI_MODULE_INIT() { napi_value made; napi_create_function(env, \"two\", NAPI_AUTO_LENGTH, two, nullptr, &made); return made; }\n",
        ),
        (
            "demo.test.js",
            "const test = require('node:test'); const assert = require('node:assert');\n\
             test('two', () => assert.equal(require('./build/Release/two.node')(), 2));\n\
             test('left', () => assert.equal(require('lobster-left'), 'from npm'));\n",
        ),
    ] {
        scene.write(&scene.at_work(name), content);
    }
}

#[test]
fn npm_ci_builds_a_native_module_and_tests_it() {
    if !std::path::Path::new("/usr/include/node/common.gypi").is_file() {
        return host::skip("node's headers are not installed");
    }
    let script = "set -e; export npm_config_cafile=$PWD/ca.pem npm_config_update_notifier=false npm_config_audit=false npm_config_fund=false npm_config_nodedir=/usr; \
         npm install --package-lock-only >log; npm ci >>log; npm run build >>log 2>&1; npm test >>log; node -p 'require(\"./build/Release/two.node\")()'";
    Workload::new("npm ci from the registry, node-gyp with a native module in C++, npm test", move |_| {
        Run::shell(script)
    })
    .tools(&["npm", "node", "make", "g++", "python3"])
    .online()
    .prepare(native_project)
    .content_varies(&["log", "build/*"])
    .holds();
}

#[test]
fn node_runs_again_when_a_file_changes() {
    Workload::shell(
        "node --watch runs again when a file changes",
        "node --watch watched.js >log 2>&1 & rounds() { for i in $(seq 200); do [ \"$(grep -c '^round$' log)\" -ge $1 ] && return; sleep 0.05; done; false; }; \
         for round in 1 2 3; do for i in $(seq 10); do rounds $round && break; echo '// once more' >>watched.js; done; echo '// changed' >>watched.js; done; \
         kill $!; test \"$(grep -c '^round$' log)\" -ge 3 && echo watched",
    )
    .tools(&["node"])
    .prepare(|scene| scene.write(&scene.at_work("watched.js"), "console.log('round');\n"))
    .content_varies(&["log", "watched.js"])
    .holds();
}

/// A package with an extension in C, and tests of it.
fn extension(scene: &mut Scene) {
    for (name, content) in [
        (
            "native/setup.py",
            "from setuptools import setup, Extension\nsetup(name='native', version='1.0', ext_modules=[Extension('native', ['native.c'])])\n",
        ),
        (
            "native/native.c",
            "#include <Python.h>\nstatic PyObject *two(PyObject *self, PyObject *args) { return PyLong_FromLong(2); }\n\
             static PyMethodDef methods[] = {{\"two\", two, METH_NOARGS, 0}, {0}};\n\
             static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, \"native\", 0, -1, methods};\n\
             PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&module); }\n",
        ),
        (
            "test_demo.py",
            "import native, lobster_left, pathlib\ndef test_native(): assert native.two() == 2\n\
             def test_left(tmp_path): (tmp_path / 'f').write_text(lobster_left.WORD); assert (tmp_path / 'f').read_text() == 'from pip'\n",
        ),
    ] {
        scene.write(&scene.at_work(name), content);
    }
}

#[test]
fn pip_installs_from_the_index_and_builds_an_extension_that_pytest_tests() {
    if !python_has("venv, ensurepip, pytest, setuptools") {
        return;
    }
    let script = "set -e; export PYTHONDONTWRITEBYTECODE=1; /usr/bin/python3 -m venv --system-site-packages venv; . venv/bin/activate; \
         pip install -q --no-compile --disable-pip-version-check --retries 0 lobster-left; \
         pip install -q --no-compile --disable-pip-version-check --no-build-isolation --no-deps ./native; python -m pytest -q --basetemp=$PWD/temporary >log || { cat log; exit 1; }";
    Workload::new(
        "python: a virtual environment, pip install from the index, an extension in C, pytest",
        move |scene| Run::shell(script).env("PIP_CERT", scene.at_work("ca.pem")),
    )
    .tools(&["python3", "gcc"])
    .online()
    .prepare(extension)
    .content_varies(&["log", "*.pyc", "*.so", "native/build/*", "*/RECORD", "*/direct_url.json"])
    .holds();
}
