//! What the edits are tried on: the cases of all families, and the kernels that each of them runs.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use naga::back::spv;
use naga::valid::{Capabilities, ValidationFlags, Validator};
use wgrad::Type;
use wgrad::graph::{Caps, Site, compose};
use wgrad::ops::{Case, FAMILIES};

use crate::rules::Edit;

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

    /// The jobs that run any of some kernels: one of each kernel, then a second of each, and so on; those of middling
    /// size first, which are quick and yet have several workgroups and a tail.
    pub fn jobs_of(&self, kernels: &[usize]) -> Vec<&Job> {
        const MIDDLING: f64 = 600.0;
        let mut by_kernel: HashMap<usize, Vec<&Job>> = HashMap::new();
        for job in &self.jobs {
            if let Some(kernel) = job.kernels.iter().find(|kernel| kernels.contains(kernel)) {
                by_kernel.entry(*kernel).or_default().push(job);
            }
        }
        let mut order: Vec<(usize, usize, &Job)> = vec![];
        for (kernel, mut jobs) in by_kernel {
            let distance = |job: &&Job| {
                let elements: usize = job.case.inputs.iter().map(|input| input.ty.len()).sum();
                let doublings = ((elements as f64 + 1.0) / MIDDLING).log2().abs();
                u32::from(job.case.brief) * 1000 + (16.0 * doublings) as u32
            };
            jobs.sort_by_key(distance);
            order.extend(jobs.into_iter().enumerate().map(|(turn, job)| (turn, kernel, job)));
        }
        order.sort_by_key(|(turn, kernel, _)| (*turn, *kernel));
        order.into_iter().map(|(_, _, job)| job).collect()
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
            if before != words && optimized(&before)? != optimized(&words)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// SPIR-V of a kernel, `None` where it does not compile.
fn spirv(text: &str) -> Option<Vec<u32>> {
    let module = naga::front::wgsl::parse_str(text).ok()?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module).ok()?;
    let options = spv::Options { flags: spv::WriterFlags::empty(), force_loop_bounding: false, ..Default::default() };
    let pipeline = spv::PipelineOptions { shader_stage: naga::ShaderStage::Compute, entry_point: "main".into() };
    spv::write_vec(&module, &info, &options, Some(&pipeline)).ok()
}

/// SPIR-V without what no result depends on, by the program `spirv-opt`; as it is where that is not installed.
fn optimized(words: &[u32]) -> Result<Vec<u8>> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut command = Command::new("spirv-opt");
    command.args(["-O", "--strip-debug", "--compact-ids", "-", "-o", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else { return Ok(bytes) };
    let sent = child.stdin.take().map(|mut input| input.write_all(&bytes));
    let output = child.wait_with_output()?;
    sent.transpose()?;
    if !output.status.success() {
        bail!("spirv-opt: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
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
