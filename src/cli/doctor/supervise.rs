//! A child that may crash or hang at any case: what it found, and what became of it.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::check::{Job, Row, Rows};
use crate::cli::doctor::child::Message;

/// How long a child may take for a case: an open of the device and a compile included.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long one wait takes at most, so that a stop is noticed.
const SLICE: Duration = Duration::from_millis(200);
/// Bytes of the last words of a child that are shown.
const LAST_WORDS: usize = 600;

/// What there is to show of a device's run.
#[derive(Debug)]
pub enum Event {
    /// It is at the job of this place, of this op.
    At(usize, String),
    /// Ops that are done.
    Rows(Vec<Row>),
    /// The device is done.
    Done,
}

/// Runs jobs on a device, in one child after the other if need be.
#[derive(Debug)]
pub struct Supervisor<'a> {
    /// The device's name.
    pub name: &'a str,
    /// What is run.
    pub jobs: &'a [Job],
    /// Whether nobody wants to know any more.
    pub stop: &'a AtomicBool,
}

/// How a child ended that has not done all.
struct Fate {
    /// The case and the variant that it was at, once it was at one.
    at: Option<(usize, String)>,
    reason: String,
}

impl Supervisor<'_> {
    /// Runs all jobs. A child that dies or hangs fails the op that it was at, and the next child goes on after that op.
    pub fn run(&self, command: impl Fn(usize) -> io::Result<Command>, tell: impl Fn(Event)) {
        self.run_within(PATIENCE, command, tell);
    }

    fn run_within(&self, patience: Duration, command: impl Fn(usize) -> io::Result<Command>, tell: impl Fn(Event)) {
        let mut rows = Rows::new(self.name);
        let mut from = 0;
        while let Some(first) = self.jobs.get(from) {
            let started = command(from).and_then(|mut command| command.spawn());
            let ended = match started {
                Ok(child) => self.watch(child, patience, &mut rows, &tell),
                Err(error) => Err(Fate { at: None, reason: format!("cannot be started: {error}") }),
            };
            match ended {
                Ok(()) => break,
                Err(Fate { at: Some((at, variant)), reason }) => {
                    let job = &self.jobs[at];
                    rows.fail(job, &variant, format!("seed {}: the device's process {reason}", job.seed));
                    from = at + self.jobs[at..].iter().take_while(|other| other.op() == job.op()).count();
                }
                // The device itself is broken: no other op would come farther.
                Err(Fate { at: None, reason }) => {
                    rows.fail(first, "-", format!("before the first case: the device's process {reason}"));
                    break;
                }
            }
        }
        tell(Event::Rows(rows.take(None)));
        tell(Event::Done);
    }

    /// Listens to a child until it has done all, or ends otherwise.
    fn watch(&self, mut child: Child, patience: Duration, rows: &mut Rows, tell: &impl Fn(Event)) -> Result<(), Fate> {
        let messages = listen(&mut child);
        let last_words = last_words(&mut child);
        let mut at: Option<(usize, String)> = None;
        let reason = loop {
            match self.next(&messages, patience) {
                Next::Message(Message::At { job, variant }) if job < self.jobs.len() => {
                    if at.as_ref().is_none_or(|(last, _)| *last != job) {
                        let done = rows.take(Some(self.jobs[job].op()));
                        if !done.is_empty() {
                            tell(Event::Rows(done));
                        }
                        tell(Event::At(job, self.jobs[job].op().into()));
                    }
                    at = Some((job, variant));
                }
                Next::Message(Message::Found { job, finding }) if job < self.jobs.len() => {
                    rows.add(job, &self.jobs[job], *finding);
                }
                Next::Message(Message::Done) => break None,
                Next::Message(Message::Failed(reason)) => break Some(format!("gave up: {reason}")),
                Next::Message(_) => break Some("spoke of a case that is not there".into()),
                Next::Silence => break Some(format!("gave no answer for {} s, and was ended", patience.as_secs())),
                Next::Stopped => break None,
                Next::Gone => {
                    let status = child.wait();
                    let said = last_words.recv_timeout(SLICE).unwrap_or_default();
                    break Some(status.map_or_else(|error| error.to_string(), |status| ended(&status, &said)));
                }
            }
        };
        // It may have ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        reason.map_or(Ok(()), |reason| Err(Fate { at, reason }))
    }

    fn next(&self, messages: &Receiver<Message>, patience: Duration) -> Next {
        let begin = Instant::now();
        while begin.elapsed() < patience {
            match messages.recv_timeout(SLICE.min(patience)) {
                Ok(message) => return Next::Message(message),
                Err(RecvTimeoutError::Disconnected) => return Next::Gone,
                Err(RecvTimeoutError::Timeout) if self.stop.load(Ordering::Relaxed) => return Next::Stopped,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        Next::Silence
    }
}

/// What comes of waiting for a child.
enum Next {
    Message(Message),
    Silence,
    Stopped,
    Gone,
}

/// The messages of a child. What a driver prints among them is passed over.
fn listen(child: &mut Child) -> Receiver<Message> {
    let (sender, messages) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                if let Ok(message) = serde_json::from_slice(&line)
                    && sender.send(message).is_err()
                {
                    break;
                }
            }
        });
    }
    messages
}

/// The end of what a child says on standard error, once it has ended.
fn last_words(child: &mut Child) -> Receiver<String> {
    let (sender, words) = mpsc::channel();
    if let Some(mut stderr) = child.stderr.take() {
        std::thread::spawn(move || {
            let (mut kept, mut part) = (vec![], [0; 4096]);
            while let Ok(n @ 1..) = stderr.read(&mut part) {
                kept.extend_from_slice(&part[..n]);
                let past = kept.len().saturating_sub(LAST_WORDS);
                kept.drain(..past);
            }
            // Nobody may want to know.
            let _ = sender.send(String::from_utf8_lossy(&kept).into_owned());
        });
    }
    words
}

/// How a process ended, with its last words.
pub fn ended(status: &ExitStatus, said: &str) -> String {
    let words: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match words.is_empty() {
        true => format!("ended with {status}"),
        false => format!("ended with {status}: {}", words.join("; ")),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::cell::RefCell;
    use std::process::Stdio;

    use super::*;
    use crate::check::jobs;

    /// Runs `add`, `bias_add` and what is between them with a child that is this script, told the first job.
    fn supervise(patience: Duration, script: &str) -> (Vec<Row>, Vec<usize>) {
        let jobs = jobs(|op| op == "relu" || op == "add");
        let (stop, rows, begins) = (AtomicBool::new(false), RefCell::new(vec![]), RefCell::new(vec![]));
        let command = |from: usize| {
            begins.borrow_mut().push(from);
            let mut command = Command::new("sh");
            command.args(["-c", script, "sh", &from.to_string()]);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            Ok(command)
        };
        let supervisor = Supervisor { name: "here", jobs: &jobs, stop: &stop };
        supervisor.run_within(patience, command, |event| {
            if let Event::Rows(more) = event {
                rows.borrow_mut().extend(more);
            }
        });
        (rows.into_inner(), begins.into_inner())
    }

    const FINE: &str = r#"echo '{"found":{"job":0,"finding":{"variant":"default","outcome":{"cases":1,"max_error":0.5,
        "worst":null,"rank":0.5,"violations":[]}}}}'"#;

    fn say(job: &str) -> String {
        format!(r#"echo '{{"at":{{"job":'{job}',"variant":"default"}}}}'"#)
    }

    #[test]
    fn a_child_that_dies_fails_its_op_and_the_next_goes_on_after_it() {
        let first = format!("{}; {}; {}; echo oh no >&2; kill -ABRT $$", say("0"), FINE.replace('\n', " "), say("3"));
        let script = format!("if [ $1 = 0 ]; then {first}; fi; echo noise of a driver; {}; echo '\"done\"'", say("$1"));
        let (rows, begins) = supervise(Duration::from_secs(20), &script);
        assert_eq!(begins.len(), 2, "{rows:?}");
        assert!(begins[1] > 3);
        let [row] = &rows[..] else { panic!("{rows:?}") };
        assert!(!row.ok && row.op == "relu" && row.cases == 1, "{row:?}");
        assert!(row.problems[0].contains("signal: 6") && row.problems[0].contains("oh no"), "{row:?}");
    }

    #[test]
    fn a_child_that_hangs_is_ended() {
        let (rows, begins) = supervise(Duration::from_millis(600), &format!("{}; sleep 50", say("$1")));
        assert_eq!(begins.len(), 2);
        assert!(rows.len() == 2 && rows.iter().all(|row| !row.ok), "{rows:?}");
        assert!(rows[0].problems[0].contains("no answer"), "{rows:?}");
    }

    #[test]
    fn a_device_that_does_not_open_is_tried_once() {
        for script in ["exit 3", r#"echo '{"failed":"no memory"}'"#] {
            let (rows, begins) = supervise(Duration::from_secs(20), script);
            assert_eq!(begins, [0]);
            assert!(rows.len() == 1 && rows[0].problems[0].contains("before the first case"), "{rows:?}");
        }
    }
}
