//! Package managers and git, each with a registry or a forge of its own.

use super::{Client, allow, trusting};
use crate::harness::{Identity, Scene, each_online, host, internet, require, skip};
use crate::workload::toolchain;

#[test]
fn git_clones_and_pushes_over_https() {
    let script = "git clone -q https://git.example.com/project.git p && cd p && cat README && echo more >>README && git commit -qam more && \
         git push -q origin HEAD:refs/heads/pushed-$$-$(date +%N)";
    Client { tools: &["git"], hosts: &["git.example.com"], script: script.to_owned(), shows: "hello from git" }.works();
}

/// Puts the user's key for the internet's ssh server where a client in the sandbox may read it.
fn key(scene: &Scene) {
    let Some(internet) = internet() else { return };
    let place = scene.at_work("key");
    scene.write(&place, &internet.file("user"));
    std::fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("its mode");
}

#[test]
fn git_clones_and_pushes_over_ssh() {
    let Some(internet) = internet().filter(|internet| require(&["ssh"]) && internet.has("ssh")) else { return };
    let place =
        format!("ssh://{}@git.example.com{}", internet.file("user.name").trim(), internet.repository().display());
    let script = format!(
        "export GIT_SSH_COMMAND=\"ssh -F none -i $PWD/key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=$PWD/known\"\n\
         git clone -q {place} p && cd p && cat README && echo more >>README && git commit -qam more && git push -q origin HEAD:refs/heads/ssh-$$-$(date +%N)"
    );
    Client { tools: &["git"], hosts: &["git.example.com:22"], script, shows: "hello from git" }
        .works_for(&Identity::all_known(), key);
}

#[test]
fn npm_installs_a_package() {
    let script = "npm install --no-audit --no-fund --registry https://npm.example.com/ --cache \"$PWD/cache\" --fetch-retries 0 lobster-left \
         && node -p 'require(\"lobster-left\")'";
    Client { tools: &["npm", "node"], hosts: &["npm.example.com"], script: script.to_owned(), shows: "from npm" }
        .works();
}

#[test]
fn pip_installs_a_package() {
    if !std::path::Path::new("/usr/lib/python3/dist-packages/pip").is_dir() {
        return skip("not installed: python3-pip");
    }
    let script = "/usr/bin/python3 -m pip install -q --disable-pip-version-check --no-cache-dir --retries 0 --timeout 120 --target got \
         --index-url https://pip.example.com/simple lobster-left && PYTHONPATH=got /usr/bin/python3 -c 'import lobster_left; print(lobster_left.WORD)'";
    Client { tools: &["python3"], hosts: &["pip.example.com"], script: script.to_owned(), shows: "from pip" }.works();
}

#[test]
fn cargo_fetches_a_crate_and_builds_with_it() {
    let Some(toolchain) = toolchain::place() else { return skip("no cargo") };
    let script =
        "PATH=\"$HOME/.rustup/toolchains/e2e/bin:$PATH\" CARGO_HOME=\"$PWD/cargo\" CARGO_NET_RETRY=0 cargo run -q";
    let client =
        Client { tools: &["gcc"], hosts: &["crates.example.com"], script: script.to_owned(), shows: "from cargo" };
    client.works_with(|scene| {
        toolchain::install(scene, &toolchain);
        scene.write(
            &scene.at_work("Cargo.toml"),
            "[package]\nname = \"demo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nlobster-left = { version = \"1\", registry = \"lab\" }\n[workspace]\n",
        );
        scene.write(
            &scene.at_work("cargo/config.toml"),
            "[registries.lab]\nindex = \"sparse+https://crates.example.com/index/\"\n",
        );
        scene.write(&scene.at_work("src/main.rs"), "fn main() { println!(\"{}\", lobster_left::WORD) }\n");
    });
}

#[test]
fn package_manager_that_meets_a_refused_host_says_which() {
    if !require(&["npm"]) || host::only_bare() {
        return;
    }
    each_online(|scene| {
        allow(scene, &["web.example.com"]);
        let script = "npm install --no-audit --no-fund --registry https://npm.example.com/ --cache \"$PWD/cache\" --fetch-retries 0 lobster-left";
        let outcome = scene.sandboxed(&trusting(script));
        assert_ne!(outcome.status, 0, "{outcome}");
        assert!(outcome.err().contains("npm.example.com"), "{outcome}");
    });
}
