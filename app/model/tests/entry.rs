//! What a form's text becomes.

use model::Entry;
use serde_json::json;

#[test]
fn empty_field_is_omitted_from_input() {
    for entry in Entry::ALL {
        assert_eq!(entry.read(""), None, "{entry:?}");
    }
    assert_eq!(Entry::Name.read("  "), None);
}

#[test]
fn text_is_kept_with_normalised_line_ends() {
    assert_eq!(Entry::Text.read(" a\r\nb "), Some(json!(" a\nb ")));
    assert_eq!(Entry::Text.read("\t"), Some(json!("\t")));
    assert_eq!(Entry::Name.read(" /archive "), Some(json!("/archive")));
}

#[test]
fn number_of_any_size_is_parsed() {
    assert_eq!(Entry::Integer.read(" -3 "), Some(json!(-3)));
    assert_eq!(Entry::Integer.read("18446744073709551615"), Some(json!(u64::MAX)));
    assert_eq!(Entry::Number.read("0.5"), Some(json!(0.5)));
    assert_eq!(Entry::Boolean.read("true"), Some(json!(true)));
}

#[test]
fn invalid_number_is_kept_as_text_for_validation() {
    assert_eq!(Entry::Integer.read("1.5"), Some(json!("1.5")));
    assert_eq!(Entry::Integer.read("many"), Some(json!("many")));
    assert_eq!(Entry::Number.read("inf"), Some(json!("inf")));
    assert_eq!(Entry::Boolean.read("on"), Some(json!("on")));
}
