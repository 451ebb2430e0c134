//! How texts name people: when two words are the same, and which words and addresses a text contains. Pure.

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

/// How much of a text before an `@` may belong to the address.
const LOCAL_MAX: usize = 80;
/// How often a text is decoded that is encoded within what encodes it; and JSON read that is a text in JSON.
const LAYERS_MAX: usize = 3;
/// Letters of a word that may stand for a person in texts.
const SHORT: usize = 3;
/// What French and Italian write onto a name before an apostrophe.
const ELISIONS: &[&str] =
    &["c", "d", "j", "l", "m", "n", "qu", "s", "t", "all", "dall", "dell", "nell", "sull", "un"];
/// How many words of a phrase count.
pub(crate) const PHRASE_MAX: usize = 16;

/// A word as it is compared: composed (NFKC), without case, without what is not seen, one space where there was any.
pub(crate) fn normal(word: &str) -> String {
    let mut normal = String::with_capacity(word.len());
    if word.is_ascii() {
        push_spaced(&mut normal, word.chars().map(|letter| letter.to_ascii_lowercase()));
    } else {
        // Up and down again is how `ß` meets `ss`, and a final `ς` the other one.
        let folded = word.nfkd().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
        push_spaced(&mut normal, folded.filter(|letter| !is_unseen(*letter)).nfkc());
    }
    normal
}

fn push_spaced(normal: &mut String, letters: impl Iterator<Item = char>) {
    let mut is_apart = false;
    for letter in letters {
        if letter.is_whitespace() {
            is_apart = true;
            continue;
        }
        if is_apart && !normal.is_empty() {
            normal.push(' ');
        }
        is_apart = false;
        normal.push(letter);
    }
}

/// Soft hyphens, joiners, marks of direction, variants of emoji and of ideographs.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{e0100}'..='\u{e01ef}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Whether an address may be in a text; to be asked before anything that takes time.
pub(crate) fn may_hold_address(text: &str) -> bool {
    let is_near = |byte| matches!(byte, b'@' | b'%');
    text.bytes().any(is_near) || text.contains(['\u{ff20}', '\u{fe6b}']) || has_entity(text)
}

/// A text in the forms in which it may say something: as it is, and with the `%40` of its URLs, and of URLs in these, and
/// the `&#64;` of its HTML as `@`.
pub(crate) fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![normal(text)];
    let mut latest = text.to_owned();
    for _ in 0..LAYERS_MAX {
        let Some(decoded) = decoded(&latest) else { break };
        forms.push(normal(&decoded));
        latest = decoded;
    }
    forms
}

fn has_entity(text: &str) -> bool {
    text.contains("&#") || text.contains("&commat;")
}

/// None where nothing is encoded.
fn decoded(text: &str) -> Option<String> {
    let unescaped = has_entity(text).then(|| {
        let at = ["&#64;", "&#x40;", "&#X40;", "&#064;", "&commat;"];
        at.iter().fold(text.to_owned(), |text, entity| text.replace(entity, "@"))
    });
    match unescaped.filter(|unescaped| unescaped != text) {
        Some(unescaped) => Some(unquoted(&unescaped).unwrap_or(unescaped)),
        None => unquoted(text).filter(|unquoted| unquoted != text),
    }
}

/// Without the escapes of URLs.
fn unquoted(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    if !rest.contains(&b'%') {
        return None;
    }
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|two| {
            let [high, low] = [two[0], two[1]].map(|digit| char::from(digit).to_digit(16));
            u8::try_from(high? * 16 + low?).ok()
        });
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The addresses in a normal text. Where it cannot be told where one begins (`user=ada@example.org`) or ends (signs are
/// written onto it), each that it may be.
pub(crate) fn addresses(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('@').flat_map(move |(at, _)| {
        let ends = ends(&text[at + 1..]);
        let begins = if ends.is_empty() { Vec::new() } else { begins(&text[..at]) };
        let each = move |begin: usize| {
            ends.clone().into_iter().map(move |end| &text[begin..at + 1 + end]).collect::<Vec<_>>()
        };
        begins.into_iter().flat_map(each)
    })
}

/// Where the host ends that this text begins with: behind its last letter, and before its first sign if it has one.
fn ends(after: &str) -> Vec<usize> {
    let is_host = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-');
    let host = &after[..after.find(|letter| !is_host(letter)).unwrap_or(after.len())];
    let length = |host: &str| host.trim_end_matches(['.', '-']).len();
    let mut ends: Vec<usize> = host.find(is_sign).map(|sign| length(&host[..sign])).into_iter().collect();
    ends.push(length(host));
    ends.retain(|end| *end > 0);
    ends
}

/// Where an address may begin whose local part ends this text: at its farthest letter, or after what may be in a local
/// part and is more often beside one. The nearest comes first.
fn begins(before: &str) -> Vec<usize> {
    let mut begins = begins_marked(before);
    // What stands out in Markdown has its marks around it.
    for at in 0..begins.len() {
        let plain = before[begins[at]..].trim_start_matches('_');
        if !plain.is_empty() && before.len() - plain.len() > begins[at] {
            begins.push(before.len() - plain.len());
        }
    }
    begins
}

fn begins_marked(before: &str) -> Vec<usize> {
    let (mut begins, mut next, mut is_sign_next) = (Vec::new(), None, true);
    let mut letters = before.char_indices().rev().take(LOCAL_MAX).peekable();
    while let Some((at, letter)) = letters.next() {
        let is_apostrophe = letter == '\'' && letters.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        if letter.is_alphanumeric() || letter == '_' {
            if is_sign(letter) && !is_sign_next {
                begins.extend(next);
            }
            (next, is_sign_next) = (Some(at), is_sign(letter));
        } else if is_apostrophe {
            let word = before[..at].rsplit(|letter: char| !letter.is_alphanumeric()).next();
            begins.extend(next.filter(|_| word.is_some_and(|word| ELISIONS.contains(&word))));
        } else if !matches!(letter, '.' | '-' | '+') {
            begins.extend(next.take());
            if !"!#$%&'*/=?^`{|}~".contains(letter) {
                return begins;
            }
        }
    }
    begins.extend(next);
    begins.dedup();
    begins
}

/// Whether a normal word is an address, from end to end.
pub(crate) fn is_address(word: &str) -> bool {
    addresses(word).any(|address| address == word)
}

/// The words of a normal text. What is written without spaces has no words: each sign is one.
pub(crate) fn words(text: &str) -> Vec<&str> {
    let (mut words, mut begin) = (Vec::new(), None);
    for (at, letter) in text.char_indices() {
        let (is_sign, is_letter) = (is_sign(letter), letter.is_alphanumeric());
        if let Some(from) = begin.filter(|_| is_sign || !is_letter) {
            words.push(&text[from..at]);
            begin = None;
        }
        if is_sign {
            words.push(&text[at..at + letter.len_utf8()]);
        } else if is_letter && begin.is_none() {
            begin = Some(at);
        }
    }
    words.extend(begin.map(|from| &text[from..]));
    words
}

/// Thai, kana, ideographs and Hangul, where what follows a name is written onto it.
fn is_sign(letter: char) -> bool {
    matches!(letter, '\u{e00}'..='\u{e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// The words by which a normal word is found in texts, and how many they are; nothing for marks alone.
pub(crate) fn phrase(word: &str) -> Option<(usize, String)> {
    let mut words = words(word);
    words.truncate(PHRASE_MAX);
    (!words.is_empty()).then(|| (words.len(), words.join(" ")))
}

/// What a text says that is JSON, at any depth, also within its texts: names, texts and numbers. Nothing of any other
/// text.
pub(crate) fn leaves(text: &str) -> Vec<String> {
    let read = |text: &str| {
        let is_json = text.trim_start().starts_with(['{', '[', '"']);
        is_json.then(|| serde_json::from_str::<Value>(text).ok()).flatten()
    };
    let (mut leaves, mut left) = (Vec::new(), Vec::from_iter(read(text).map(|value| (value, 1))));
    while let Some((value, layer)) = left.pop() {
        match value {
            Value::String(text) => {
                left.extend(read(&text).filter(|_| layer < LAYERS_MAX).map(|value| (value, layer + 1)));
                leaves.push(text);
            }
            Value::Number(number) => leaves.push(number.to_string()),
            Value::Array(values) => left.extend(values.into_iter().map(|value| (value, layer))),
            Value::Object(entries) => {
                for (name, value) in entries {
                    leaves.push(name);
                    left.push((value, layer));
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
    leaves
}

/// Why a word cannot stand for a person; in texts (`mentions`) one of one or two letters would be nobody in particular.
pub(crate) fn fault(word: &str, mentions: bool) -> Option<&'static str> {
    let word = normal(word);
    let letters = words(&word).concat();
    if letters.is_empty() {
        return Some("it has no letter and no digit");
    }
    if !mentions || is_address(&word) {
        return None;
    }
    if addresses(&word).next().is_some() {
        return Some("it is more than an address: give the name and the address as two");
    }
    let is_short = letters.chars().count() < SHORT && !letters.contains(is_sign);
    is_short.then_some("with --mentions it would be in too many texts: give more of the name, or a namespace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_normal(words: &[&str]) {
        let normals: Vec<String> = words.iter().map(|word| normal(word)).collect();
        assert!(normals.iter().all(|it| *it == normals[0] && normal(it) == *it), "{normals:?}");
    }

    #[test]
    fn what_a_reader_takes_for_the_same_is_the_same() {
        check_normal(&["zo\u{eb}", "Zoe\u{308}", " ZO\u{cb}\u{a0}", "zo\u{200b}\u{eb}"]);
        check_normal(&["Stra\u{df}e", "STRASSE"]);
        check_normal(&["\u{39f}\u{394}\u{39f}\u{3a3}", "\u{3bf}\u{3b4}\u{3bf}\u{3c2}"]);
        check_normal(&["Dana  Ng", "dana\u{a0}ng", "\u{ff24}ana\tNG"]);
        check_normal(&["ada@example.org", "ADA\u{ff20}example.org"]);
        assert_ne!(normal("zoe"), normal("zo\u{eb}"));
        assert_eq!(normal(" \t"), "");
    }

    #[track_caller]
    fn check_addresses(text: &str, expected: &[&str]) {
        let forms = forms(text);
        let mut found: Vec<&str> = forms.iter().flat_map(|form| addresses(form)).collect();
        found.dedup();
        assert_eq!(found, expected, "{text}");
        assert!(found.is_empty() || may_hold_address(text), "{text}");
    }

    #[test]
    fn addresses_are_found_where_they_stand() {
        let ada = "ada.l+okr@example.org";
        check_addresses("Ada <Ada.L+okr@Example.org>", &[ada]);
        check_addresses("ask ada.l+okr@example.org.", &[ada]);
        check_addresses("...ada.l+okr@example.org-", &[ada]);
        check_addresses("mailto:ada.l+okr@example.org?subject=x", &[ada]);
        check_addresses("{\"a\":[\"ada.l+okr@example.org\"]}", &[ada]);
        let within = [ada, "u=ada.l+okr@example.org", "x.org/?u=ada.l+okr@example.org"];
        check_addresses("https://x.org/?u=ada.l+okr@example.org&v=1", &within);
        check_addresses("https://x.org/?u=ada.l%2Bokr%40example.org", &within);
        check_addresses("'ada.l+okr@example.org'", &[ada]);
        check_addresses("m.ada.l+okr@example.org.uk", &["m.ada.l+okr@example.org.uk"]);
        check_addresses("o'neill@example.org", &["o'neill@example.org"]);
        check_addresses("o'neill wrote d'ada@example.org", &["ada@example.org", "d'ada@example.org"]);
        for on in "c d j l m n qu s t all dall dell nell sull un".split(' ') {
            let whole = format!("{on}'ada@example.org");
            check_addresses(&format!("{on}'Ada@Example.org"), &["ada@example.org", &whole]);
            check_addresses(&format!("Il libro {on}\u{2019}ada@example.org"), &["ada@example.org"]);
        }
        check_addresses("x'ada@example.org", &["x'ada@example.org"]);
        check_addresses("mc.all'ada@example.org", &["ada@example.org", "mc.all'ada@example.org"]);
        check_addresses("small'ada@example.org", &["small'ada@example.org"]);
        check_addresses("Ask _ada@example.org_ or __x", &["_ada@example.org", "ada@example.org"]);
        check_addresses("ada_l@example.org", &["ada_l@example.org"]);
        let written_on = ["ada@example.org", "ada@example.org\u{ae4c}\u{c9c0}"];
        check_addresses("ada@example.org\u{ae4c}\u{c9c0}", &written_on);
        let (before, whole) = ("\u{8acb}\u{806f}\u{7d61}", "\u{8acb}\u{806f}\u{7d61}ada@example.org");
        check_addresses(&format!("{before}ada@example.org"), &["ada@example.org", whole]);
        check_addresses("ada&#64;example.org", &["ada@example.org"]);
        check_addresses(
            "to=x%253Fada%2540example.org",
            &["ada@example.org", "x?ada@example.org", "to=x?ada@example.org"],
        );
        for none in ["@ada", "ada@", "a @ b", "100 %", "%4", "ada@.", "@@@"] {
            check_addresses(none, &[]);
        }
        assert!(is_address("ada@example.org") && !is_address("<ada@example.org>") && !is_address("@ada"));
    }

    #[test]
    fn json_says_what_is_in_its_texts_as_well() {
        let mut leaves = leaves(r#"{"raw":"{\"owner\":[\"Ada L.\",7]}","note":"[x"}"#);
        leaves.sort();
        assert_eq!(leaves, ["7", "Ada L.", "[x", "note", "owner", "raw", r#"{"owner":["Ada L.",7]}"#]);
        assert_eq!(super::leaves("Ada"), [""; 0]);
        let deep = (0..9).fold("x".to_owned(), |text, _| serde_json::to_string(&[text]).unwrap());
        assert_eq!(super::leaves(&deep).len(), LAYERS_MAX);
    }

    #[test]
    fn a_word_that_is_nobody_in_particular_is_refused() {
        for (word, mentions) in
            [("ada@x.org", true), ("L.", false), ("7", false), ("Ada L.", true), ("\u{91d1}", true)]
        {
            assert_eq!(fault(word, mentions), None, "{word}");
        }
        for (word, mentions) in
            [("\u{200b}", false), ("--", true), ("L.", true), ("'s", true), ("Ada <a@x.org>", true)]
        {
            assert!(fault(word, mentions).is_some(), "{word}");
        }
    }

    #[test]
    fn a_text_of_marks_alone_is_soon_read() {
        let text = format!("{}@x.org", "=a".repeat(200_000));
        assert!(addresses(&text).count() <= LOCAL_MAX);
        assert_eq!(addresses(&"@".repeat(1_000_000)).count(), 0);
    }

    #[track_caller]
    fn check_words(text: &str, expected: &[&str]) {
        assert_eq!(words(&normal(text)), expected);
    }

    #[test]
    fn words_end_where_letters_do() {
        check_words("Ask Dana Ng's team, u7!", &["ask", "dana", "ng", "s", "team", "u7"]);
        check_words("\u{e9}dana", &["\u{e9}dana"]);
        check_words("\u{91d1}\u{54f2}\u{6d19}a b", &["\u{91d1}", "\u{54f2}", "\u{6d19}", "a", "b"]);
        assert_eq!(phrase("dana-ng"), Some((2, "dana ng".to_owned())));
        assert_eq!(phrase("--"), None);
    }
}
