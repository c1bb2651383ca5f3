fn main() -> std::process::ExitCode {
    wgrad::cli::run()
}
