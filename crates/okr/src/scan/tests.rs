//! What is code and what is text.

use super::*;

fn words(source: &str) -> Vec<&str> {
    tokens(source, 0..source.len()).into_iter().map(|token| &source[token.span]).collect()
}

#[test]
fn source_falls_into_words_marks_and_literals() {
    assert_eq!(
        words("event.a|b(0.3, 'x\\'y')"),
        ["event", ".", "a", "|", "b", "(", "0.3", ",", "'x\\'y'", ")"]
    );
    assert_eq!(words("größe \"unfinished"), ["größe", "\"unfinished"]);
}

#[test]
fn filters_and_tests_are_found_outside_of_texts() {
    let source = "a | upper == 'x | lower' and b is not defined or c.is is none";
    let tokens = tokens(source, 0..source.len());
    assert_eq!(filters(source, &tokens), ["upper"]);
    assert_eq!(super::tests(source, &tokens), ["defined", "none"]);
}

#[test]
fn probes_are_found_with_everything_between_their_brackets() {
    let source = "has(a.b) and not has( c['x)'] ) or 'has(d)' == e.has(f) or hash(g)";
    let probes = probes(source, &tokens(source, 0..source.len()));
    let arguments: Vec<&str> = probes.into_iter().map(|probe| source[probe.argument].trim()).collect();
    assert_eq!(arguments, ["a.b", "c['x)']"]);
}

#[test]
fn the_code_of_a_template_is_what_its_braces_hold() {
    let source =
        "a | b {{ c | d }} {# e | f #} {%- if g -%} { h } {% raw %}{{ i | j }}{% endraw %} {{ '}}' }} {{ k";
    let code: Vec<&str> = code(source).into_iter().map(|span| source[span].trim()).collect();
    assert_eq!(code, ["c | d", "- if g -", "raw", "'}}'", "k"]);
}
