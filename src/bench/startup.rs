//! From the start of a fresh process to the loss of its first step, seen from outside.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Instant;

use crate::bench::{BLOCKS, Bench, Measured, Outcome, Statistics};
use crate::error::{Error, Result};

/// What stands in front of the loss on standard output.
pub const MARK: &str = "FIRST_STEP ";

/// Seconds of a start, of as many as there are blocks, after one that fills the caches of the system.
pub fn run(bench: &Bench<'_>, name: &'static str) -> Result<Outcome> {
    start(bench)?;
    let (mut seconds, mut loss) = (vec![], f64::NAN);
    for _ in 0..BLOCKS {
        let (took, loss_of_step) = start(bench)?;
        seconds.push(took);
        loss = loss_of_step;
    }
    let measured = Measured::new(name, bench.device, "s", Statistics::of(&seconds, false));
    Ok(Outcome::Measured(measured.losses(loss, None)))
}

/// Starts a process; gives the seconds until its loss has come, and the loss.
fn start(bench: &Bench<'_>) -> Result<(f64, f64)> {
    let failed = |source| Error::Io { path: "the process of a first step".into(), source };
    let mut command = bench.first_step.command().map_err(failed)?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let clock = Instant::now();
    let mut child = command.spawn().map_err(failed)?;
    let loss = first_loss(&mut child);
    let seconds = clock.elapsed().as_secs_f64();
    child.wait().map_err(failed)?;
    let none = || failed(std::io::Error::other("it ended without the loss of a step"));
    Ok((seconds, loss.ok_or_else(none)?))
}

fn first_loss(child: &mut Child) -> Option<f64> {
    let lines = BufReader::new(child.stdout.take()?).lines();
    lines.map_while(std::io::Result::ok).find_map(|line| line.strip_prefix(MARK)?.trim().parse().ok())
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::bench::Start;
    use crate::device::{Device, Peaks};

    #[derive(Debug)]
    struct Script(&'static str);

    impl Start for Script {
        fn command(&self) -> std::io::Result<Command> {
            let mut command = Command::new("sh");
            command.args(["-c", self.0]);
            Ok(command)
        }
    }

    fn of(script: &'static str) -> Result<Outcome> {
        let peaks = Peaks {
            flops_per_second: 1.0,
            bytes_per_second: 1.0,
            cached_bytes_per_second: 1.0,
            cache_bytes: 1,
            launch_seconds: 0.0,
        };
        run(&Bench { device: &Device::cpu(), peaks, first_step: &Script(script) }, "startup_to_first_step")
    }

    #[test]
    fn the_time_ends_with_the_loss_and_not_with_the_process() {
        let Outcome::Measured(measured) = of("echo of a driver; echo FIRST_STEP 0.5; exec >&-; sleep 0.2").unwrap()
        else {
            panic!("left out")
        };
        assert!(measured.worst < 0.2 && measured.best > 0.0, "{measured:?}");
        assert_eq!((measured.n, measured.loss1, measured.limit), (7, Some(0.5), None));
    }

    #[test]
    fn a_process_without_a_step_is_an_error() {
        assert!(matches!(of("echo nothing"), Err(Error::Io { .. })));
    }
}
