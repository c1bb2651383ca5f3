//! `cargo xtask lines`: lines of Rust and WGSL by folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::root;

const FOLDERS: [&str; 7] = ["src", "shaders", "tests", "examples", "benches", "mutants", "xtask"];

pub fn run() -> Result<()> {
    let root = root()?;
    let mut counts: BTreeMap<PathBuf, [usize; 2]> = BTreeMap::new();
    for folder in FOLDERS.map(|folder| root.join(folder)) {
        if folder.exists() {
            count(&root, &folder, &mut counts)?;
        }
    }
    println!("{:>7} {:>7}  folder", "Rust", "WGSL");
    for (folder, [rust, wgsl]) in &counts {
        println!("{rust:>7} {wgsl:>7}  {}", folder.display());
    }
    let total = |i: usize| counts.values().map(|count| count[i]).sum::<usize>();
    println!("{:>7} {:>7}  in all", total(0), total(1));
    Ok(())
}

fn count(root: &Path, folder: &Path, counts: &mut BTreeMap<PathBuf, [usize; 2]>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            count(root, &path, counts)?;
            continue;
        }
        let kind = match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => 0,
            Some("wgsl") => 1,
            _ => continue,
        };
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        counts.entry(folder.strip_prefix(root)?.into()).or_default()[kind] += text.lines().count();
    }
    Ok(())
}
