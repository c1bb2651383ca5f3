//! What the edits are tried on: the cases of all families, and the kernels that each of them runs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wgrad::Type;
use wgrad::graph::{Caps, Site, compose};
use wgrad::ops::{Case, FAMILIES};

use crate::rules::Edit;
use crate::spirv::{optimized, spirv};

/// A case in one of its variants.
pub struct Job {
    /// The case.
    pub case: Case,
    /// The variant's place.
    pub variant: usize,
    /// The seed that the tests give it.
    pub seed: u64,
    /// The kernels that it runs.
    pub kernels: Vec<usize>,
}

/// Every case of every family in every variant.
#[derive(Default)]
pub struct Suite {
    /// In the order of the families.
    pub jobs: Vec<Job>,
    /// The text of each kernel once.
    pub kernels: Vec<String>,
}

impl Suite {
    /// Reads the families' lists.
    pub fn new() -> Result<Self> {
        let mut suite = Self::default();
        let mut known = HashMap::new();
        for family in FAMILIES {
            for (seed, case) in (family.cases)().into_iter().enumerate() {
                let inputs: Vec<Type> = case.inputs.iter().map(|input| input.ty.clone()).collect();
                let outputs = case.op.infer(&inputs.iter().collect::<Vec<_>>())?;
                let (used, caps) = (vec![true; outputs.len()], Caps::default());
                let site = Site { inputs: &inputs, outputs: &outputs, used: &used, caps: &caps };
                for (variant, given) in case.op.variants(&site)?.iter().enumerate() {
                    let launches = given.launches.iter().filter(|launch| launch.groups > 0);
                    let texts = launches.map(|launch| compose(launch).text);
                    let kernels = texts.map(|text| {
                        *known.entry(text).or_insert_with_key(|text| {
                            suite.kernels.push(text.clone());
                            suite.kernels.len() - 1
                        })
                    });
                    let kernels = kernels.collect();
                    suite.jobs.push(Job { case: case.clone(), variant, seed: seed as u64, kernels });
                }
            }
        }
        Ok(suite)
    }

    /// The kernels that a file is part of.
    pub fn with(&self, file: &str) -> Vec<usize> {
        let part = file.trim_end();
        (0..self.kernels.len()).filter(|&kernel| self.kernels[kernel].contains(part)).collect()
    }

    /// The jobs that run any of some kernels: one of each kernel and number of launches, then a second of each, and so
    /// on; those of middling size first, which are quick and yet have several workgroups and a tail.
    pub fn jobs_of(&self, kernels: &[usize]) -> Vec<&Job> {
        const MIDDLING: f64 = 600.0;
        let mut by_kernel: HashMap<(usize, usize), Vec<&Job>> = HashMap::new();
        for job in &self.jobs {
            if let Some(kernel) = job.kernels.iter().find(|kernel| kernels.contains(kernel)) {
                by_kernel.entry((*kernel, job.kernels.len())).or_default().push(job);
            }
        }
        let mut order = vec![];
        for (kernel, mut jobs) in by_kernel {
            let distance = |job: &&Job| {
                let elements: usize = job.case.inputs.iter().map(|input| input.ty.len()).sum();
                let doublings = ((elements as f64 + 1.0) / MIDDLING).log2().abs();
                (16.0 * doublings) as u32
            };
            jobs.sort_by_key(distance);
            order.extend(jobs.into_iter().enumerate().map(|(turn, job)| ((turn, distance(&job), kernel), job)));
        }
        order.sort_by_key(|(place, _)| *place);
        order.into_iter().map(|(_, job)| job).collect()
    }

    /// Whether an edit makes another program: every kernel with it compiles, and one of them is not what it was.
    pub fn differs(&self, text: &str, edit: &Edit) -> Result<bool> {
        let edited = edit.apply(text);
        let mut pairs = vec![];
        for kernel in self.with(text) {
            let original = &self.kernels[kernel];
            let Some(words) = spirv(&original.replace(text.trim_end(), edited.trim_end())) else { return Ok(false) };
            pairs.push((original, words));
        }
        for (original, words) in pairs {
            let before = spirv(original).context("a kernel does not compile")?;
            let same = before == words
                || matches!((optimized(&before)?, optimized(&words)?), (Some(one), Some(other)) if one == other);
            if !same {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Every file under `shaders/`: its path there, and its text.
pub fn files() -> Result<Vec<(String, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shaders");
    let (mut found, mut folders) = (vec![], vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path: PathBuf = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let parts: Vec<_> = path.strip_prefix(&root)?.iter().map(|part| part.to_string_lossy()).collect();
            found.push((parts.join("/"), text));
        }
    }
    found.sort();
    Ok(found)
}
