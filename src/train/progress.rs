//! What `fit` prints: a bar that moves on a terminal, a line per epoch elsewhere.

use std::time::Duration;

use crate::train::fit::Verbosity;
use crate::train::history::Logs;
use crate::train::run::Progress;

/// Shows a training on standard error, as Keras does.
#[derive(Debug)]
pub struct Reporter {
    verbosity: Verbosity,
    #[cfg(feature = "progress")]
    bar: Option<indicatif::ProgressBar>,
}

impl Reporter {
    /// A bar if the verbosity and the terminal allow it.
    pub fn new(verbosity: Verbosity) -> Self {
        Self {
            verbosity,
            #[cfg(feature = "progress")]
            bar: None,
        }
    }

    /// Shows where the training stands.
    pub fn show(&mut self, progress: &Progress) {
        if self.verbosity == Verbosity::Silent {
            return;
        }
        #[cfg(feature = "progress")]
        if self.verbosity == Verbosity::Auto && self.show_bar(progress) {
            return;
        }
        if progress.epoch_ended {
            let took = step_time(progress.elapsed, progress.step);
            let (epoch, epochs, steps) = (progress.epoch, progress.epochs, progress.steps);
            let seconds = progress.elapsed.as_secs_f64();
            let values = values(&progress.logs);
            say(&format!("Epoch {epoch}/{epochs} - {steps}/{steps} - {seconds:.0}s - {took}/step{values}"));
        }
    }

    /// Whether there is a terminal for a bar.
    #[cfg(feature = "progress")]
    fn show_bar(&mut self, progress: &Progress) -> bool {
        use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
        // Hidden where there is no terminal, or one that cannot move its cursor.
        if ProgressDrawTarget::stderr().is_hidden() {
            return false;
        }
        let bar = self.bar.get_or_insert_with(|| {
            if progress.epochs > 1 {
                say(&format!("Epoch {}/{}", progress.epoch, progress.epochs));
            }
            let digits = progress.steps.to_string().len();
            let template = format!("{{pos:>{digits}}}/{{len}} {{bar:20.green/white}} {{msg}}");
            let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
            let bar =
                ProgressBar::with_draw_target(Some(progress.steps as u64), ProgressDrawTarget::stderr_with_hz(20));
            bar.with_style(style.progress_chars("━╸─"))
        });
        let took = step_time(progress.elapsed, progress.step);
        let time = match progress.epoch_ended {
            true => format!("{:.0}s {took}/step", progress.elapsed.as_secs_f64()),
            false => eta(progress),
        };
        bar.set_message(format!("{time}{}", values(&progress.logs)));
        bar.set_position(progress.step as u64);
        if progress.epoch_ended {
            bar.abandon();
            self.bar = None;
        }
        true
    }
}

/// A line on standard error. Where nobody reads it, the training goes on all the same.
fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The time that is left of an epoch, in seconds.
#[cfg(feature = "progress")]
fn eta(progress: &Progress) -> String {
    let left = progress.steps.saturating_sub(progress.step) as f64;
    let seconds = (progress.elapsed.as_secs_f64() * left / progress.step.max(1) as f64) as u64;
    match seconds {
        0..=60 => format!("{seconds}s"),
        61..=3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

/// The time of a step, in s, ms or us.
fn step_time(elapsed: Duration, steps: usize) -> String {
    let seconds = elapsed.as_secs_f64() / steps.max(1) as f64;
    if seconds >= 1.0 || seconds == 0.0 {
        format!("{seconds:.0}s")
    } else if seconds >= 1e-3 {
        format!("{:.0}ms", seconds * 1e3)
    } else {
        format!("{:.0}us", seconds * 1e6)
    }
}

/// ` - name: value` for each.
fn values(logs: &Logs) -> String {
    let value = |v: f64| if v.abs() > 1e-3 { format!("{v:.4}") } else { format!("{v:.4e}") };
    logs.iter().map(|(name, &v)| format!(" - {name}: {}", value(v))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_values_read_as_in_keras() {
        assert_eq!(step_time(Duration::from_millis(96), 32), "3ms");
        assert_eq!(step_time(Duration::from_micros(640), 32), "20us");
        assert_eq!(step_time(Duration::from_secs(64), 32), "2s");
        let logs = Logs::from([("loss".to_string(), 0.701_23), ("accuracy".to_string(), 0.0004)]);
        assert_eq!(values(&logs), " - accuracy: 4.0000e-4 - loss: 0.7012");
    }
}
