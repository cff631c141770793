//! `kubectl triton`, which also works alone.

fn main() -> std::process::ExitCode {
    triton_operator::kubectl::main()
}
