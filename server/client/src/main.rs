//! The client as a program of its own.

fn main() -> std::process::ExitCode {
    client::main(std::env::args_os().skip(1))
}
