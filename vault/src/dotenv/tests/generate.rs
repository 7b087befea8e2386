//! Generates files that are full of what `.env` readers disagree about.

/// A small generator of numbers (splitmix64), the same on every run.
struct Numbers(u64);

impl Numbers {
    /// A number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    /// One of them.
    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// Whether something of this chance, in a hundred, happens.
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// Names, the most of them good.
const NAMES: &[&str] = &[
    "A",
    "A",
    "B",
    "B2",
    "C_D",
    "_E",
    "FOO",
    "export",
    "if",
    "A.B",
    "1A",
    "A-B",
    "CLÉ",
    "'A'",
    "",
    "UID",
    "LC_ALL",
    "constructor",
];

/// What values are made of.
const PIECES: &[&str] = &[
    "a", "b", "x", "1", "abc", "n", "r", "t", " ", " ", "  ", "\t", "'", "\"", "`", "\\", "\\\\", "\\n", "\\r", "\\t",
    "\\'", "\\\"", "\\$", "\\ ", "\\x", "$", "${X}", "$X", "#", " #", "# ", "=", ";", "{", "}", "~", ":", "!", "*",
    "?", "[", "]", ",", "|", "&", "(", ")", "<", ">", "%", "^", "é", "😀", "\u{a0}", "\u{85}", "\u{2028}", "\u{3000}",
    "\u{feff}", "\u{1}", "\u{7f}", "\u{1f}", "\u{b}", "\u{c}", "\r", "\n", "\\\n", "\r\n", "\u{ffff}",
];

/// What plain values are made of.
const PLAIN: &[&str] = &["a", "b", "1", "xyz", "A", "/", "+", "=", ".", "-", "_", ":", "@", "%", ","];

/// What stands before, between and after.
const BLANKS: &[&str] = &["", "", "", "", "", "", "", " ", " ", "  ", "\t", "\u{a0}", "\u{b}"];

/// What follows a value.
const TAILS: &[&str] = &[
    "",
    "",
    "",
    "",
    "",
    "",
    " ",
    "  ",
    "\t",
    " # c",
    " #c'",
    "#c",
    " # it's \"x\" `y`",
    " x",
    "y",
    " B=2",
    ";",
    "\\",
    "''",
    "\"z\"",
];

/// Ends of lines.
const ENDS: &[&str] =
    &["\n", "\n", "\n", "\n", "\n", "\n", "\n\n", "\r\n", "\n \n", "\n\t\n", "\r", "\n# c\n", "\n # c 'x\n", "\n; c\n"];

/// Some pieces, one after the other.
fn pieces(numbers: &mut Numbers, of: &[&str], most: usize) -> String {
    (0..numbers.below(most + 1)).map(|_| numbers.pick(of)).collect()
}

/// A value, in quotes of any kind or none.
fn value(numbers: &mut Numbers) -> String {
    match numbers.below(10) {
        0 | 1 => pieces(numbers, PLAIN, 6),
        2..=4 => pieces(numbers, PIECES, 4),
        5 => pieces(numbers, PIECES, 10),
        _ => {
            let quote = numbers.pick(&["'", "\"", "\"", "`"]);
            let kind = if numbers.chance(30) { PLAIN } else { PIECES };
            let inner = pieces(numbers, kind, 5);
            let inner = if numbers.chance(70) { inner.replace(quote, "") } else { inner };
            format!("{quote}{inner}{quote}")
        }
    }
}

/// A line.
fn line(numbers: &mut Numbers) -> String {
    if numbers.chance(8) {
        return pieces(numbers, PIECES, 5);
    }
    let export = if numbers.chance(15) { numbers.pick(&["export ", "export ", "export  ", "export\t"]) } else { "" };
    let blank = |numbers: &mut Numbers| if numbers.chance(25) { numbers.pick(BLANKS) } else { "" };
    let (before, name) = (blank(numbers), numbers.pick(NAMES));
    let (left, right) = (blank(numbers), blank(numbers));
    let tail = if numbers.chance(30) { numbers.pick(TAILS) } else { "" };
    format!("{before}{export}{name}{left}={right}{}{tail}", value(numbers))
}

/// That many files.
pub(super) fn files(seed: u64, count: usize) -> Vec<String> {
    let mut numbers = Numbers(seed);
    let file = |_| {
        let mut text = String::new();
        if numbers.chance(1) {
            text.push('\u{feff}');
        }
        for _ in 0..=numbers.below(3) {
            text.push_str(&line(&mut numbers));
            text.push_str(numbers.pick(ENDS));
        }
        if numbers.chance(10) {
            text.pop();
        }
        text
    };
    (0..count).map(file).collect()
}
