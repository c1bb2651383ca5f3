//! Files that are whole or not there.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// What the system said of a path.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_path_buf();
    |source| Error::Io { path, source }
}

/// The bytes of a file, as many as it has.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    // What has no end would fill the memory.
    let kind = fs::metadata(path).map_err(at(path))?;
    if !kind.is_file() {
        return Err(at(path)(io::Error::new(ErrorKind::InvalidInput, "expected a file")));
    }
    fs::read(path).map_err(at(path))
}

/// Writes a file beside its place, then moves it there: it is the old one or the new one, whole, whenever the machine
/// stops. A link stays one: what it leads to is written.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let name = path.file_name().ok_or_else(|| at(path)(ErrorKind::IsADirectory.into()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part = temporary(folder, &name.to_string_lossy());
    replace(path, &part, bytes).map_err(|source| {
        // It may not have been made at all.
        let _ = fs::remove_file(&part);
        at(path)(source)
    })?;
    sync(folder).map_err(at(folder))
}

fn replace(path: &Path, part: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    if fs::read(part)? != bytes {
        return Err(io::Error::new(ErrorKind::InvalidData, "the disk gives other bytes than were written"));
    }
    fs::rename(part, path)
}

/// The rename is on the disk only once the folder is.
#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A name in a folder that nothing else has.
pub(crate) fn temporary(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!(".{name}.{}.part", std::process::id()))
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
