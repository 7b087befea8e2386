//! What an editor starts: language servers, and watches of files.

use super::Workload;

/// Talks to a server as an editor does: one that starts, opens a file, asks what to write next, and ends.
const EDITOR: &str = r#"
import json, os, subprocess
source = 'int twice(int x) { return 2 * x; }\nint main(void) { int unused; return twice("a"); }\n'
open('main.c', 'w').write(source)
open('compile_flags.txt', 'w').write('-Wall\n')
server = subprocess.Popen(['clangd', '--log=error', '--background-index=false'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def send(**message):
    body = json.dumps(dict(jsonrpc='2.0', **message)).encode()
    server.stdin.write(b'Content-Length: %d\r\n\r\n' % len(body) + body)
    server.stdin.flush()
def receive(wanted):
    while True:
        length = 0
        for line in iter(server.stdout.readline, b'\r\n'):
            assert line, 'the server has ended'
            name, _, value = line.partition(b':')
            length = int(value) if name.lower() == b'content-length' else length
        message = json.loads(server.stdout.read(length))
        if wanted(message):
            return message
def ask(number, method, **params):
    send(id=number, method=method, params=params)
    return receive(lambda message: message.get('id') == number)['result']
root = 'file://' + os.getcwd()
document = {'uri': root + '/main.c'}
print(ask(1, 'initialize', processId=os.getpid(), rootUri=root, capabilities={})['serverInfo']['name'])
send(method='initialized', params={})
send(method='textDocument/didOpen', params={'textDocument': dict(document, languageId='c', version=1, text=source)})
told = receive(lambda message: message.get('method') == 'textDocument/publishDiagnostics')['params']['diagnostics']
print(sorted((each['range']['start']['line'], each['severity']) for each in told))
found = ask(2, 'textDocument/completion', textDocument=document, position={'line': 1, 'character': 40})
print(any('twice' in each['label'] for each in found['items']))
ask(3, 'shutdown')
send(method='exit')
print(server.wait())
"#;

#[test]
fn language_server_finds_mistakes_and_completes() {
    Workload::shell(
        "a language server (clangd): initialize, didOpen, diagnostics, completion",
        "/usr/bin/python3 editor.py",
    )
    .tools(&["clangd", "python3"])
    .prepare(|scene| scene.write(&scene.at_work("editor.py"), EDITOR))
    .holds();
}

#[test]
fn files_are_watched() {
    Workload::shell(
        "inotify: a watcher sees files come, change and go",
        "mkdir watched; node -e \"const fs = require('node:fs'); const seen = new Set(); \
         const watcher = fs.watch('watched', (event, name) => { seen.add(name); if (seen.has('made') && seen.has('moved')) { \
         console.log([...seen].sort().join(' ')); watcher.close(); } }); \
         fs.writeFileSync('watched/made', 'x'); fs.renameSync('watched/made', 'watched/moved');\"",
    )
    .tools(&["node"])
    .holds();
}
