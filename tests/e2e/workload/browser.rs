//! A browser without a screen.

use super::Workload;

/// A page of two colours, with something that a script adds below the window.
const PAGE: &str = "<!doctype html><title>page</title><style>html, body { margin: 0; background: #ff0000 }\
    div { width: 100px; height: 100px; background: #0000ff }</style><div></div>\
    <script>document.querySelector('div').style.background = '#00ff00'</script>\n";

/// Prints a picture's size and two of its points: `PNG`, 8 bits, RGB or RGBA, not interlaced.
const LOOK: &str = r#"
import struct, sys, zlib
data = open(sys.argv[1], 'rb').read()
assert data[:8] == b'\x89PNG\r\n\x1a\n'
at, packed = 8, b''
while at < len(data):
    length, kind = struct.unpack('>I4s', data[at:at + 8])
    body = data[at + 8:at + 8 + length]
    if kind == b'IHDR':
        width, height, depth, color, _, _, interlaced = struct.unpack('>IIBBBBB', body)
    if kind == b'IDAT':
        packed += body
    at += 12 + length
assert depth == 8 and color in (2, 6) and not interlaced
size = 3 if color == 2 else 4
raw, stride, rows = zlib.decompress(packed), width * size, []
for y in range(height):
    kind, line = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
    above = rows[-1] if rows else bytearray(stride)
    for x in range(stride):
        a, b, c = line[x - size] if x >= size else 0, above[x], above[x - size] if x >= size else 0
        p = a + b - c
        paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        line[x] = (line[x] + [0, a, b, (a + b) // 2, paeth][kind]) & 255
    rows.append(line)
point = lambda x, y: tuple(rows[y][x * size:x * size + 3])
print(width, height, point(50, 50), point(200, 50))
"#;

#[test]
fn chromium_takes_a_picture_of_a_page_that_is_served_inside() {
    Workload::shell(
        "Chromium (headless): a picture of a page that is served inside",
        "/usr/bin/python3 -u -m http.server 0 --bind 127.0.0.1 >log 2>&1 & \
         for i in $(seq 2400); do port=$(sed -n 's/.* port \\([0-9]*\\) .*/\\1/p' log); [ -n \"$port\" ] && break; sleep 0.05; done; \
         chromium --headless --no-sandbox '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1' --window-size=320,240 \
         --screenshot=picture.png http://127.0.0.1:$port/page.html; status=$?; kill $!; /usr/bin/python3 look.py picture.png && exit $status",
    )
    .tools(&["chromium", "python3"])
    .prepare(|scene| {
        scene.write(&scene.at_work("page.html"), PAGE);
        scene.write(&scene.at_work("look.py"), LOOK);
    })
    .content_varies(&["log"])
    .note(
        "with `--no-sandbox`: Chromium's own sandbox takes user namespaces, which only `dev` allows, and this one is around it. Its profile is \
         thrown away. What it asks of its maker's servers is refused and reported; `--host-resolver-rules` keeps it from asking",
    )
    .afterwards(|_, outcome| assert_eq!(outcome.out(), "320 240 (0, 255, 0) (255, 0, 0)\n", "{outcome}"))
    .holds();
}

#[test]
fn chromium_with_its_own_sandbox_needs_user_namespaces() {
    Workload::shell(
        "Chromium (headless) with its own sandbox",
        "chromium --headless '--host-resolver-rules=MAP * ~NOTFOUND' --dump-dom 'data:text/html,<p>shown</p>' | grep -o '<p>shown</p>'",
    )
    .tools(&["chromium"])
    .not_as_root()
    .needs_options(&["--profile", "dev"], "its sandbox is made of user namespaces; `--no-sandbox` does without, and this one holds")
    .refused_with("sandbox-exec: refused the system call")
    .holds();
}
