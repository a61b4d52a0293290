//! What a form's text becomes.

use model::Entry;
use serde_json::json;

#[test]
fn an_empty_field_is_left_out_of_the_input() {
    for entry in Entry::ALL {
        assert_eq!(entry.read(""), None, "{entry:?}");
    }
    assert_eq!(Entry::Name.read("  "), None);
}

#[test]
fn text_is_kept_as_typed_with_plain_line_ends() {
    assert_eq!(Entry::Text.read(" a\r\nb "), Some(json!(" a\nb ")));
    assert_eq!(Entry::Text.read("\t"), Some(json!("\t")));
    assert_eq!(Entry::Name.read(" /archive "), Some(json!("/archive")));
}

#[test]
fn numbers_are_read_whatever_their_size() {
    assert_eq!(Entry::Integer.read(" -3 "), Some(json!(-3)));
    assert_eq!(Entry::Integer.read("18446744073709551615"), Some(json!(u64::MAX)));
    assert_eq!(Entry::Number.read("0.5"), Some(json!(0.5)));
    assert_eq!(Entry::Boolean.read("true"), Some(json!(true)));
}

#[test]
fn what_is_no_number_stays_text_for_the_check_to_name() {
    assert_eq!(Entry::Integer.read("1.5"), Some(json!("1.5")));
    assert_eq!(Entry::Integer.read("many"), Some(json!("many")));
    assert_eq!(Entry::Number.read("inf"), Some(json!("inf")));
    assert_eq!(Entry::Boolean.read("on"), Some(json!("on")));
}
