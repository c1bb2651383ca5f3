//! Files that are whole or not there.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

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
    write_with(path, |file| file.write_all(bytes).map_err(at(path)))
}

/// The same for what `fill` writes.
pub(crate) fn write_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let name = path.file_name().ok_or_else(|| at(path)(ErrorKind::IsADirectory.into()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part = temporary(folder, &name.to_string_lossy());
    replace(path, &part, fill).inspect_err(|_| {
        // It may not have been made at all.
        let _ = fs::remove_file(&part);
    })?;
    sync(folder).map_err(at(folder))
}

fn replace(path: &Path, part: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut file = BufWriter::new(Hashing { file: File::create(part).map_err(at(path))?, hash: Sha256::new() });
    fill(&mut file)?;
    let Hashing { file, hash } = file.into_inner().map_err(|error| at(path)(error.into_error()))?;
    file.sync_all().map_err(at(path))?;
    if hash_of(part).map_err(at(path))? != hash.finalize().as_slice() {
        let reason = "the disk gives other bytes than were written";
        return Err(at(path)(io::Error::new(ErrorKind::InvalidData, reason)));
    }
    fs::rename(part, path).map_err(at(path))
}

/// A file, and SHA-256 of all that was written into it.
struct Hashing {
    file: File,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// SHA-256 of a file.
pub(crate) fn hash_of(path: &Path) -> io::Result<Vec<u8>> {
    let (mut file, mut hash, mut part) = (File::open(path)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hash.finalize().to_vec()),
            count => hash.update(part.get(..count).unwrap_or_default()),
        }
    }
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
