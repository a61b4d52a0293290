//! Progress formats and their detection.

use output_parser::Format::{Auto, Fraction, Json, None, Number, Osc, Percent, Restic};

use super::parsed;

#[test]
fn json_lines_of_milepost_cronicle_and_xyops_are_progress() {
    for format in [Json, Auto] {
        let parsed = |line: &str| parsed(format, line);
        assert_eq!(parsed(r#"{"progress":0.5,"message":"half"}"#), ["50.0%=half"]);
        assert_eq!(parsed(r#" { "progress": 0.25 } "#), ["25.0%"]);
        assert_eq!(parsed(r#"{"xy":1,"progress":0.5,"status":"half"}"#), ["50.0%=half"]);
        assert_eq!(parsed(r#"{"xy":1,"status":"waiting"}"#), ["=waiting"]);
        assert_eq!(parsed(r#"{"value":3,"max":4,"unit":"files"}"#), ["3/4 files"]);
        assert_eq!(parsed(r#"{"value":3,"max":0}"#), ["3"]);
        assert_eq!(parsed(r#"{"progress":7}"#), ["100.0%"]);
    }
}

#[test]
fn json_lines_report_the_result() {
    assert_eq!(parsed(Auto, r#"{"complete":1}"#), ["success ()"]);
    assert_eq!(parsed(Auto, r#"{"complete":1,"code":999,"description":"no database"}"#), ["999 (no database)"]);
    assert_eq!(parsed(Auto, r#"{"xy":1,"code":0}"#), ["success ()"]);
    assert_eq!(parsed(Auto, r#"{"xy":1,"code":"critical","description":"no"}"#), ["critical (no)"]);
}

#[test]
fn other_json_is_logged() {
    for line in [r#"{"level":"info","message":"hello"}"#, r#"{"code":1}"#, r#"{"progress":"half"}"#, "{progress", "[1]"]
    {
        assert_eq!(parsed(Auto, line), [format!("| {line}")]);
    }
}

#[test]
fn percentage_within_text_needs_configured_format() {
    assert_eq!(parsed(Auto, "5%\n 7.5 %\n100%\n"), ["5.0%", "|  7.5 %", "100.0%"]);
    assert_eq!(parsed(Auto, "disk is 91% full\n"), ["| disk is 91% full"]);
    assert_eq!(parsed(Percent, "done 12% of it\n"), ["12.0%", "| done 12% of it"]);
    assert_eq!(parsed(Percent, "120%\nno%\n1.2.3%\n"), ["| 120%", "| no%", "| 1.2.3%"]);
}

#[test]
fn percentage_in_rewritten_line_is_a_guess() {
    assert_eq!(parsed(Auto, "\r 10% |#  |\r 20% |## |\nend\n"), ["10.0%?", "20.0%?", "|  20% |## |", "| end"]);
    assert_eq!(parsed(None, "\r 10% |#  |\r 20% |## |\n"), ["|  20% |## |"]);
}

#[test]
fn numbers_on_own_lines_need_configured_format() {
    assert_eq!(parsed(Number, "34\n69\n100\n1000\n"), ["34.0%", "69.0%", "100.0%", "| 1000"]);
    assert_eq!(parsed(Auto, "34\n69\n100\n"), ["| 34", "| 69", "| 100"]);
}

#[test]
fn terminal_progress_bar_is_progress() {
    let bar =
        "\u{1b}]9;4;1;40\u{7}work\u{1b}]9;4;3\u{1b}\\\u{1b}]9;4;4;50\u{1b}\\\u{1b}]9;4;0;0\u{7}\u{1b}]9;4;1;200\u{7}";
    assert_eq!(parsed(Osc, bar), ["40.0%", "50.0%", "| work"]);
    assert_eq!(parsed(Auto, bar), ["40.0%", "50.0%", "| work"]);
    assert_eq!(parsed(Percent, bar), ["| work"]);
    assert_eq!(parsed(Auto, "\u{1b}]9;4;3\u{7}\n50%\n"), ["| ", "50.0%"], "a bar without a percentage is not progress");
}

#[test]
fn restic_restore_reports_progress() {
    let status = r#"{"message_type":"status","percent_done":0.5,"total_files":4,"files_restored":2,"total_bytes":1000,"bytes_restored":500}"#;
    for format in [Restic, Auto] {
        assert_eq!(parsed(format, status), ["500/1000 B=2 of 4 files"]);
    }
}

#[test]
fn control_characters_in_json_are_removed() {
    let error = r#"{"message_type":"error","error":{"message":"open a\u001b]0;x\u0007\tb"}}"#;
    assert_eq!(parsed(Restic, error), ["error| open a]0;x\tb"]);
}

#[test]
fn fraction_needs_configured_format() {
    assert_eq!(parsed(Fraction, "[3/10] Building it\n"), ["3/10=Building it", "| [3/10] Building it"]);
    assert_eq!(parsed(Fraction, "file 2/4\n"), ["2/4", "| file 2/4"]);
    for line in ["10,000/20,000 files", "4/5,000", "usr/1/2", "2026/11/22", "4/2", "1/0", "a1/2b", "v1.2/3"] {
        assert_eq!(parsed(Fraction, line), [format!("| {line}")]);
    }
    assert_eq!(parsed(Auto, "[3/10] Building it\n"), ["| [3/10] Building it"]);
}

#[test]
fn more_specific_format_replaces_less_specific() {
    let printed =
        "\r 10% of the download\r 20%\r\n{\"progress\":0.3}\n\r 99% of the next\r 100%\r\n{\"progress\":0.4}\n";
    assert_eq!(parsed(Auto, printed), ["10.0%?", "20.0%", "30.0%", "|  100%", "40.0%"]);
}

#[test]
fn similar_lines_of_other_programs_are_logged() {
    let line = "speed=12\nfps=1\nDuration: none\nimage 3,000 4% 5 6\n";
    assert_eq!(parsed(Auto, line), ["| speed=12", "| fps=1", "| Duration: none", "| image 3,000 4% 5 6"]);
}
