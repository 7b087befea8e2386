/** Settings, programs and the launcher's command line. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { commandEnvironment } from "../lib/environment.mjs";
import { execution, quote } from "../lib/launcher.mjs";
import { loosestFolder, trustedProgram } from "../lib/programs.mjs";
import { Rewrites } from "../lib/rewrites.mjs";
import { readSettings } from "../lib/settings.mjs";
import { program, scene } from "./support/stand-in.mjs";

test("settings_become_options_that_every_program_understands", () => {
  const settings = readSettings({ bin: "/opt/x/", profile: "strict", policies: ["/p.toml", "/q.toml"], readable: ["/srv/data"] });
  assert.equal(settings.bin, "/opt/x/");
  assert.deepEqual(settings.policy, ["--profile", "strict", "--policy", "/p.toml", "--policy", "/q.toml", "--ro", "/srv/data"]);
});

for (const [name, configuration] of Object.entries({
  missing: undefined,
  without_programs: {},
  relative_folder: { bin: "bin" },
  folder_with_nul: { bin: "/a\0b" },
  unknown_profile: { bin: "/b", profile: "none" },
  unknown_key: { bin: "/b", allowAll: true },
  relative_policy: { bin: "/b", policies: ["p.toml"] },
  policies_that_are_no_list: { bin: "/b", policies: "/p.toml" },
})) {
  test(`${name}_settings_stop_the_plugin`, () => assert.throws(() => readSettings(configuration), /lobsterpot/u));
}

test("program_is_believed_only_as_it_was_installed", (t) => {
  const { bin, workspace } = scene(t);
  const path = program(bin, "sandbox-exec", "");
  assert.equal(trustedProgram(path, [workspace]), path);
  symlinkSync(path, join(bin, "link"));
  assert.throws(() => trustedProgram(join(bin, "link")), /no regular file/u);
  assert.throws(() => trustedProgram(join(bin, "nothing")), /is missing/u);
  assert.throws(() => trustedProgram(program(workspace, "sandbox-exec", ""), [workspace]), /in the workspace/u);
  for (const mode of [0o775, 0o757]) {
    chmodSync(path, mode);
    assert.throws(() => trustedProgram(path), /written by others/u);
  }
  mkdirSync(join(bin, "folder"));
  assert.throws(() => trustedProgram(join(bin, "folder")), /no regular file/u);
});

test("folder_in_which_others_could_replace_a_program_is_named", (t) => {
  const { bin } = scene(t);
  const path = program(bin, "sandbox-exec", "");
  assert.equal(loosestFolder(path), undefined); // the sticky folder for temporary files on the way is tight
  chmodSync(bin, 0o777);
  assert.equal(loosestFolder(path), bin);
});

test("command_line_names_workspace_folder_and_variables_but_no_values", (t) => {
  const { bin, workspace } = scene(t);
  const path = program(bin, "sandbox-exec", "");
  const settings = { bin, policy: ["--profile", "strict"] };
  const request = { command: "echo 'a b'", workdir: `${workspace}/sub`, env: { TOKEN_X: "s3cret", PATH: "/usr/bin", HOME: "/w" }, usePty: false };
  const { argv, env, cwd, stdinMode } = execution(settings, workspace, request);
  assert.deepEqual(argv.slice(0, 10), [path, "--profile", "strict", "--workspace", workspace, "--chdir", `${workspace}/sub`, "--env", "TOKEN_X", "--"]);
  assert.deepEqual(argv.slice(-2), ["-c", "echo 'a b'"]);
  assert.equal(argv.join("\0").includes("s3cret"), false);
  assert.equal(env.TOKEN_X, "s3cret");
  assert.equal(env.HOME, process.env.HOME);
  assert.deepEqual([cwd, stdinMode], [workspace, "pipe-closed"]);
});

test("terminal_is_made_inside_and_its_command_is_one_word", (t) => {
  const { bin, workspace } = scene(t);
  program(bin, "sandbox-exec", "");
  const { argv, stdinMode } = execution({ bin, policy: [] }, workspace, { command: "it's; id", env: {}, usePty: true });
  const inner = argv.slice(argv.indexOf("--") + 1);
  assert.equal(inner[0], "/usr/bin/script");
  assert.match(inner[inner.indexOf("--command") + 1], /^exec \/bin\/(ba)?sh -c 'it'\\''s; id'$/u);
  assert.equal(stdinMode, "pipe-open");
});

test("quoted_text_is_one_word_for_a_shell", () => {
  assert.equal(quote("a'b\n$c"), "'a'\\''b\n$c'");
});

for (const name of ["LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "ENV", "IFS", "SHELL", "NODE_OPTIONS", "XDG_CONFIG_HOME", "TMPDIR", "BASH_FUNC_ls", "A-B", "A=B", ""]) {
  test(`variable_${name || "without_name"}_is_kept_from_commands`, () => {
    assert.throws(() => commandEnvironment({}, { [name]: "x" }), /Environment variable/u);
  });
}

test("home_folder_of_a_container_is_not_taken_over", () => {
  const { environment, options } = commandEnvironment({ HOME: "/home/u" }, { HOME: "/workspace", A: "1" });
  assert.deepEqual(environment, { HOME: "/home/u", A: "1" });
  assert.deepEqual(options, ["--env", "A"]);
});

test("configured_folders_come_before_the_gateways_and_the_default_ones_last", () => {
  const path = (own, asked) => commandEnvironment({ PATH: own }, { PATH: asked }).environment.PATH;
  assert.equal(path("/n/bin:/usr/bin", "/tools:/usr/local/bin:/usr/bin"), "/tools:/n/bin:/usr/bin:/usr/local/bin");
  assert.equal(path(undefined, "/usr/bin:.:"), "/usr/bin");
});

test("rewritten_command_is_taken_back_and_any_other_left_alone", () => {
  const rewrites = new Rewrites();
  const same = (command) => ({ command, env: {} });
  rewrites.remember("wrapped a", { command: "a", env: { A: "1" } });
  assert.deepEqual(rewrites.original("wrapped a"), { command: "a", env: { A: "1" } });
  assert.deepEqual(rewrites.original("wrapped a "), same("wrapped a "));
  for (let count = 0; count < 3000; count += 1) rewrites.remember(`wrapped ${count}`, same(`${count}`));
  assert.deepEqual(rewrites.original("wrapped a"), same("wrapped a"));
  assert.deepEqual(rewrites.original("wrapped 2999"), same("2999"));
});
