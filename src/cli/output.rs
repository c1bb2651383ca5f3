//! What the commands leave: lines on standard output, and files that are whole or not there.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use serde::Serialize;

use crate::data::file::{at, temporary, write};
use crate::error::Error;

/// Whether nothing is to be said along the way.
static QUIET: AtomicBool = AtomicBool::new(false);
/// Whether the work goes on where nobody reads standard output any more.
static GOES_ON: AtomicBool = AtomicBool::new(false);

/// Says nothing from now on but results and what goes wrong.
pub(super) fn quieten() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether nothing is to be said along the way.
pub(super) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// The work goes on from now on where nobody reads standard output any more: it leaves files.
pub(super) fn go_on_unread() {
    GOES_ON.store(true, Ordering::Relaxed);
}

/// Prints a line that is said along the way.
pub(super) fn line(text: &str) -> Result<()> {
    if is_quiet() { Ok(()) } else { result(text) }
}

/// Prints a line that was asked for.
pub(super) fn result(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe && GOES_ON.load(Ordering::Relaxed) => Ok(()),
        done => Ok(done?),
    }
}

/// Says something on standard error. Where nobody reads it, the work goes on all the same.
pub(super) fn say(text: &str) {
    if is_quiet() {
        return;
    }
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints a JSON object on a line of its own. A number that is not finite becomes null: JSON has none.
pub(super) fn json(value: &impl Serialize) -> Result<()> {
    result(&serde_json::to_string(value)?)
}

/// Whether the reader of standard output is gone.
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Refuses a folder that [`save`] could not make or write `names` to, and names of what is no file, or is read: `inputs`. Leaves
/// nothing behind.
pub(super) fn check(folder: &Path, names: &[impl AsRef<Path>], inputs: &[&Path]) -> Result<(), Error> {
    let inputs: Vec<_> = inputs.iter().filter_map(|input| fs::canonicalize(input).ok()).collect();
    for path in names.iter().map(|name| folder.join(name.as_ref())) {
        let Ok(is) = fs::metadata(&path) else { continue };
        let other = |what: &str| Err(at(&path)(io::Error::new(ErrorKind::InvalidInput, what.to_string())));
        if !is.is_file() {
            return other("expected a place for a file, got a folder or a device");
        }
        if fs::canonicalize(&path).is_ok_and(|path| inputs.contains(&path)) {
            return other("expected another file than those that are read");
        }
    }
    let mut place = std::path::absolute(folder).map_err(at(folder))?;
    // The nearest thing that exists is where the folder will be made; a dangling link exists and is no folder.
    while let Err(error) = fs::symlink_metadata(&place) {
        if error.kind() != ErrorKind::NotFound || !place.pop() {
            return Err(at(folder)(error));
        }
    }
    if !place.is_dir() {
        return Err(at(&place)(ErrorKind::NotADirectory.into()));
    }
    let probe = temporary(&place, "probe");
    File::create_new(&probe).and_then(|_| fs::remove_file(&probe)).map_err(at(&place))
}

/// Writes files into a folder, which is made where it is missing. Each of them is the old one or the new one, whole,
/// whenever the machine stops.
///
/// # Errors
/// [`Error::Io`] with the path.
pub(super) fn save(folder: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(at(folder))?;
    files.iter().try_for_each(|(name, bytes)| write(&folder.join(name), bytes))
}

/// Takes a file of an earlier run away, where there is one.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}
