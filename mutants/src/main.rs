//! Whether the tests bite: edits in the kernels, of the kind that somebody could make by mistake, that the checks of the
//! ops must notice. `cargo xtask mutants` starts it.

mod child;
mod choose;
mod equivalent;
mod kernels;
mod mutated;
mod rules;
mod run;
mod spirv;
mod token;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::rules::{Edit, Mistake};
use crate::run::Verdict;

/// Edits that are made unless told otherwise, and at least.
const COUNT: usize = 80;
/// Percent of them that must be caught.
const BAR: usize = 98;
/// Edits that run at the same time: a driver in software uses all cores by itself, the oracle does not.
const AT_ONCE: usize = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["run", adapter, file, begin, end, new] => run_one(adapter, file, (begin, end), new).map(|()| true),
        ["time", adapter, file, job] => time_one(adapter, file, job).map(|()| true),
        _ => options(&arguments).and_then(|(seed, count)| all(seed as u64, count)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_one(adapter: &str, file: &str, (begin, end): (&str, &str), new: &str) -> Result<()> {
    child::run(number(adapter)?, file, number(begin)?..number(end)?, new)
}

fn time_one(adapter: &str, file: &str, job: &str) -> Result<()> {
    child::run_unchanged(number(adapter)?, file, number(job)?)
}

fn number(text: &str) -> Result<usize> {
    text.parse().with_context(|| format!("expected a number, got `{text}`"))
}

/// `--seed N` and `--count N`.
fn options(arguments: &[&str]) -> Result<(usize, usize)> {
    let (mut seed, mut count) = (1, COUNT);
    for pair in arguments.chunks(2) {
        match pair {
            ["--seed", value] => seed = number(value)?,
            ["--count", value] => count = number(value)?,
            _ => bail!("expected --seed N and --count N, got `{}`", arguments.join(" ")),
        }
    }
    Ok((seed, count))
}

/// Makes and runs edits; whether enough of them are caught.
fn all(seed: u64, count: usize) -> Result<bool> {
    let begin = Instant::now();
    let adapters: Vec<String> = child::software()?.iter().map(|adapter| adapter.info().name.clone()).collect();
    println!("on {}", adapters.join(", then on "));
    let files = kernels::files()?;
    let suite = kernels::Suite::new()?;
    let mut known = vec![];
    let edits = choose::choose(&files, seed, count, |edit, text| {
        if let Some(reason) = equivalent::equivalent(edit, text) {
            known.push(format!("{}\n    {reason}", describe(edit, text)));
            return Ok(false);
        }
        suite.differs(text, edit)
    })?;
    println!("{} edits in {} files, seed {seed}, chosen in {} s", edits.len(), files.len(), begin.elapsed().as_secs());
    for file in files.iter().filter(|(file, _)| edits.iter().all(|edit| edit.file != *file)) {
        println!("no edit of {} changes a program", file.0);
    }
    let texts: BTreeMap<&str, &str> = files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let survivors = run_all(&edits, &texts, &adapters)?;
    report(&edits, &survivors, &known, &texts);
    let caught = edits.len() - survivors.len();
    println!(
        "\n{caught} of {} edits caught, {:.1} %, in {} s; at least {BAR} % must be",
        edits.len(),
        100.0 * caught as f64 / edits.len().max(1) as f64,
        begin.elapsed().as_secs()
    );
    Ok(!edits.is_empty() && 100 * caught >= BAR * edits.len())
}

/// Runs edits, some at a time, and says what became of each; those that survived, with what did not catch them.
fn run_all(edits: &[Edit], texts: &BTreeMap<&str, &str>, adapters: &[String]) -> Result<Vec<(usize, String)>> {
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (survivors, failed) = (Mutex::new(vec![]), Mutex::new(None));
    let work = || {
        while let Some((place, edit)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, edits.get(i)?)))
        {
            let begin = Instant::now();
            let verdict = run::verdict(edit, adapters);
            let seconds = begin.elapsed().as_secs_f64();
            let (word, by) = match verdict {
                Ok(Verdict::Caught(by)) => ("caught", by),
                Ok(Verdict::Survived(by) | Verdict::Hangs(by)) => {
                    lock(&survivors).push((place, by.clone()));
                    ("SURVIVED", by)
                }
                Err(error) => {
                    *lock(&failed) = Some(error);
                    next.store(edits.len(), Ordering::Relaxed);
                    return;
                }
            };
            let number = done.fetch_add(1, Ordering::Relaxed) + 1;
            let what = describe(edit, texts[edit.file.as_str()]);
            println!("{number}/{} {word} {what}\n    {by}, {seconds:.1} s", edits.len());
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    if let Some(error) = lock(&failed).take() {
        return Err(error);
    }
    let mut survivors = std::mem::take(&mut *lock(&survivors));
    survivors.sort();
    Ok(survivors)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Where an edit is, of what kind, and what it makes of the line.
fn describe(edit: &Edit, text: &str) -> String {
    let (line, old) = edit.line(text);
    let new = edit.edited_line(text);
    format!("{} shaders/{}:{line}: `{old}` is `{new}`", edit.mistake, edit.file)
}

fn report(edits: &[Edit], survivors: &[(usize, String)], known: &[String], texts: &BTreeMap<&str, &str>) {
    println!();
    for mistake in Mistake::ALL {
        let of = |edit: &&Edit| edit.mistake == mistake;
        let survived = survivors.iter().filter(|(place, _)| of(&&edits[*place])).count();
        println!("{mistake:>8}: {} edits, {survived} survived", edits.iter().filter(of).count());
    }
    if !known.is_empty() {
        println!("\n{} edits would change no result and were not made:", known.len());
        known.iter().for_each(|known| println!("  {known}"));
    }
    if !survivors.is_empty() {
        println!("\nSurvived:");
    }
    for (place, by) in survivors {
        println!("  {}\n    {by}", describe(&edits[*place], texts[edits[*place].file.as_str()]));
    }
}
