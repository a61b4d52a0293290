//! Each way of saying how far one is, and how one is found.

use readout::Convention::{Auto, Fraction, Json, None, Number, Osc, Percent, Restic};

use super::told;

#[test]
fn json_lines_of_ours_of_cronicle_and_of_xyops_are_progress() {
    for convention in [Json, Auto] {
        let told = |line: &str| told(convention, line);
        assert_eq!(told(r#"{"progress":0.5,"message":"half"}"#), ["50.0%=half"]);
        assert_eq!(told(r#" { "progress": 0.25 } "#), ["25.0%"]);
        assert_eq!(told(r#"{"xy":1,"progress":0.5,"status":"half"}"#), ["50.0%=half"]);
        assert_eq!(told(r#"{"xy":1,"status":"waiting"}"#), ["=waiting"]);
        assert_eq!(told(r#"{"value":3,"max":4,"unit":"files"}"#), ["3/4 files"]);
        assert_eq!(told(r#"{"value":3,"max":0}"#), ["3"]);
        assert_eq!(told(r#"{"progress":7}"#), ["100.0%"]);
    }
}

#[test]
fn json_lines_say_how_the_work_has_ended() {
    assert_eq!(told(Auto, r#"{"complete":1}"#), ["success ()"]);
    assert_eq!(told(Auto, r#"{"complete":1,"code":999,"description":"no database"}"#), ["999 (no database)"]);
    assert_eq!(told(Auto, r#"{"xy":1,"code":0}"#), ["success ()"]);
    assert_eq!(told(Auto, r#"{"xy":1,"code":"critical","description":"no"}"#), ["critical (no)"]);
}

#[test]
fn other_json_is_for_the_log() {
    for line in [r#"{"level":"info","message":"hello"}"#, r#"{"code":1}"#, r#"{"progress":"half"}"#, "{progress", "[1]"]
    {
        assert_eq!(told(Auto, line), [format!("| {line}")]);
    }
}

#[test]
fn a_percentage_alone_is_progress_and_one_among_words_only_where_it_was_promised() {
    assert_eq!(told(Auto, "5%\n 7.5 %\n100%\n"), ["5.0%", "|  7.5 %", "100.0%"]);
    assert_eq!(told(Auto, "disk is 91% full\n"), ["| disk is 91% full"]);
    assert_eq!(told(Percent, "done 12% of it\n"), ["12.0%", "| done 12% of it"]);
    assert_eq!(told(Percent, "120%\nno%\n1.2.3%\n"), ["| 120%", "| no%", "| 1.2.3%"]);
}

#[test]
fn a_percentage_in_a_line_that_is_written_over_is_a_guess() {
    assert_eq!(told(Auto, "\r 10% |#  |\r 20% |## |\nend\n"), ["10.0%?", "20.0%?", "|  20% |## |", "| end"]);
    assert_eq!(told(None, "\r 10% |#  |\r 20% |## |\n"), ["|  20% |## |"]);
}

#[test]
fn numbers_alone_are_progress_where_that_was_promised() {
    assert_eq!(told(Number, "34\n69\n100\n1000\n"), ["34.0%", "69.0%", "100.0%", "| 1000"]);
    assert_eq!(told(Auto, "34\n69\n100\n"), ["| 34", "| 69", "| 100"]);
}

#[test]
fn the_bar_of_a_terminal_is_progress() {
    let bar =
        "\u{1b}]9;4;1;40\u{7}work\u{1b}]9;4;3\u{1b}\\\u{1b}]9;4;4;50\u{1b}\\\u{1b}]9;4;0;0\u{7}\u{1b}]9;4;1;200\u{7}";
    assert_eq!(told(Osc, bar), ["40.0%", "50.0%", "| work"]);
    assert_eq!(told(Auto, bar), ["40.0%", "50.0%", "| work"]);
    assert_eq!(told(Percent, bar), ["| work"]);
    assert_eq!(told(Auto, "\u{1b}]9;4;3\u{7}\n50%\n"), ["| ", "50.0%"], "one without a figure is no progress");
}

#[test]
fn a_restore_of_restic_has_words_of_its_own() {
    let status = r#"{"message_type":"status","percent_done":0.5,"total_files":4,"files_restored":2,"total_bytes":1000,"bytes_restored":500}"#;
    for convention in [Restic, Auto] {
        assert_eq!(told(convention, status), ["500/1000 B=2 of 4 files"]);
    }
}

#[test]
fn what_json_says_steers_no_terminal() {
    let error = r#"{"message_type":"error","error":{"message":"open a\u001b]0;x\u0007\tb"}}"#;
    assert_eq!(told(Restic, error), ["error| open a]0;x\tb"]);
}

#[test]
fn so_many_of_so_many_are_progress_on_request() {
    assert_eq!(told(Fraction, "[3/10] Building it\n"), ["3/10=Building it", "| [3/10] Building it"]);
    assert_eq!(told(Fraction, "file 2/4\n"), ["2/4", "| file 2/4"]);
    for line in ["10,000/20,000 files", "4/5,000", "usr/1/2", "2026/11/22", "4/2", "1/0", "a1/2b", "v1.2/3"] {
        assert_eq!(told(Fraction, line), [format!("| {line}")]);
    }
    assert_eq!(told(Auto, "[3/10] Building it\n"), ["| [3/10] Building it"]);
}

#[test]
fn what_says_it_more_clearly_is_heard_alone() {
    let printed =
        "\r 10% of the download\r 20%\r\n{\"progress\":0.3}\n\r 99% of the next\r 100%\r\n{\"progress\":0.4}\n";
    assert_eq!(told(Auto, printed), ["10.0%?", "20.0%", "30.0%", "|  100%", "40.0%"]);
}

#[test]
fn what_looks_like_a_line_of_a_program_that_is_not_there_stays() {
    let line = "speed=12\nfps=1\nDuration: none\nimage 3,000 4% 5 6\n";
    assert_eq!(told(Auto, line), ["| speed=12", "| fps=1", "| Duration: none", "| image 3,000 4% 5 6"]);
}
