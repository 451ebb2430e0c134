//! How texts name people: when two words are the same, and which words and addresses a text contains. Pure.

use unicode_normalization::UnicodeNormalization;

/// How much of a text before an `@` may belong to the address.
const LOCAL_MAX: usize = 80;
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

/// Soft hyphens, joiners, marks of direction, variants of emoji.
fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Whether an address may be in a text; to be asked before anything that takes time.
pub(crate) fn may_hold_address(text: &str) -> bool {
    text.bytes().any(|byte| byte == b'@' || byte == b'%') || text.contains(['\u{ff20}', '\u{fe6b}'])
}

/// A text in the forms in which it may say something: as it is, and with the `%40` of its URLs as `@`.
pub(crate) fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![normal(text)];
    let decoded = decoded(text).map(|text| normal(&text));
    forms.extend(decoded);
    forms
}

/// None where nothing is encoded.
fn decoded(text: &str) -> Option<String> {
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

/// The addresses in a normal text. Where it cannot be told where one begins (`user=ada@example.org`), each that it may be.
pub(crate) fn addresses(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('@').flat_map(move |(at, _)| {
        let host = &text[at + 1..];
        let is_host = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '-');
        let host = &host[..host.find(|letter| !is_host(letter)).unwrap_or(host.len())];
        let end = at + 1 + host.trim_end_matches(['.', '-']).len();
        let begin = if end > at + 1 { begins(&text[..at]) } else { Vec::new() };
        begin.into_iter().map(move |begin| &text[begin..end])
    })
}

/// Where an address may begin whose local part ends this text: at its farthest letter, or after what may be in a local
/// part and is more often beside one. The nearest comes first.
fn begins(before: &str) -> Vec<usize> {
    let (mut begins, mut next) = (Vec::new(), None);
    let mut letters = before.char_indices().rev().take(LOCAL_MAX).peekable();
    while let Some((at, letter)) = letters.next() {
        let is_apostrophe = letter == '\'' && letters.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        if letter.is_alphanumeric() || letter == '_' {
            next = Some(at);
        } else if !matches!(letter, '.' | '-' | '+') && !is_apostrophe {
            begins.extend(next.take());
            if !"!#$%&'*/=?^`{|}~".contains(letter) {
                return begins;
            }
        }
    }
    begins.extend(next);
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
        for none in ["@ada", "ada@", "a @ b", "100 %", "%4", "ada@.", "@@@"] {
            check_addresses(none, &[]);
        }
        assert!(is_address("ada@example.org") && !is_address("<ada@example.org>") && !is_address("@ada"));
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
