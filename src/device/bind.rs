//! Launches made ready: kernels compiled, memory bound.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::program::{Memory, PlannedLaunch};
use crate::runtime::{BindGroups, BindingKind, Buffer, BufferRange, BufferUse, Dispatch, Gpu, KernelSource, Pipeline};

/// Launches with their kernels compiled and their memory bound.
pub fn bind(
    gpu: &Gpu,
    launches: &[&PlannedLaunch],
    labels: &[&str],
    memory: impl Fn(Memory) -> (Buffer, u64, u64),
) -> Result<Vec<Dispatch>> {
    let sources: Vec<KernelSource> = launches
        .iter()
        .zip(labels)
        .map(|(launch, label)| KernelSource {
            label: (*label).into(),
            wgsl: launch.kernel.text.clone(),
            bindings: launch
                .bindings
                .iter()
                .map(|b| if b.writes { BindingKind::ReadWrite } else { BindingKind::ReadOnly })
                .collect(),
            params: true,
            trusted: launch.kernel.bounded,
        })
        .collect();
    let pipelines = gpu.pipelines(&sources).map_err(|error| match error {
        Error::Device { call, reason } => {
            let named = launches.iter().zip(labels).find(|(_, label)| call.ends_with(&format!("({label})")));
            Error::Device { reason: named.map_or(reason.clone(), |(launch, _)| launch.kernel.locate(&reason)), call }
        }
        other => other,
    })?;
    launches.iter().zip(pipelines).map(|(launch, pipeline)| dispatch(gpu, launch, pipeline, &memory)).collect()
}

fn dispatch(
    gpu: &Gpu,
    launch: &PlannedLaunch,
    pipeline: Arc<Pipeline>,
    memory: &impl Fn(Memory) -> (Buffer, u64, u64),
) -> Result<Dispatch> {
    let words: Vec<u32> = launch.params.iter().map(|&(_, word)| word).collect();
    let params = gpu.buffer(pipeline.label(), 4 * words.len() as u64, BufferUse::Uniform)?;
    gpu.upload(&params, 0, bytemuck::cast_slice(&words))?;
    let bound: Vec<(Buffer, u64, u64)> = launch.bindings.iter().map(|b| memory(b.memory)).collect();
    let ranges: Vec<BufferRange<'_>> =
        bound.iter().map(|(buffer, offset, size)| BufferRange { buffer, offset: *offset, size: *size }).collect();
    let binds: BindGroups = gpu.bind_group(&pipeline, &ranges, Some(BufferRange::whole(&params)))?;
    Ok(Dispatch { pipeline, binds, grid: launch.grid })
}
