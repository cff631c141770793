//! `kubectl-triton` as a program that tests can start.

fn main() -> std::process::ExitCode {
    triton_operator::kubectl::main()
}
