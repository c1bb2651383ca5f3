//! The peaks of a GPU: launches of kernels of their own, outside of any program.

use std::time::Instant;

use crate::device::peaks::{CACHE, Peaks, best, cpu_cache_bytes};
use crate::error::{Error, Result};
use crate::graph::{Launch, Param, compose, shader};
use crate::runtime::{
    AdapterKind, BindingKind, Buffer, BufferCopy, BufferRange, BufferUse, Dispatch, Gpu, KernelSource, ReadBack,
};

/// Measurements of each peak.
const TIMES: usize = 7;
/// Seconds of device work of a measurement: far more than its submission takes, and below what a driver stops.
const LONG: f64 = 0.05;
/// Invocations of the multiply-adds: as many as the largest GPUs run at a time.
const INVOCATIONS: usize = 1 << 18;
/// Floating point operations of a step on each of an invocation's numbers: eight multiply-adds.
const FLOPS: u64 = 16;
/// The most steps of an invocation: all its loops must stay below 65,535 iterations.
const MOST_STEPS: u32 = 16_384;
/// Bytes of a small copy's source.
const SMALL: u64 = 1 << 20;
/// Bytes of a vector that is copied.
const VECTOR: u64 = 16;
/// Vectors that an invocation of a large copy copies.
const LARGE_PASSES: u32 = 4;
/// Times that a launch of small copies goes over them.
const SMALL_SWEEPS: u32 = 64;
/// Launches of the shorter and the longer chain.
const CHAINS: [u32; 2] = [100, 1_100];

pub fn peaks(gpu: &Gpu) -> Result<Peaks> {
    let software = gpu.info().kind == AdapterKind::Software;
    let cache_bytes = if software { cpu_cache_bytes() } else { CACHE };
    let launch_seconds = launch(gpu)?;
    // Source and target together are four times the cache, where a binding may be as large.
    let most = gpu.limits().max_binding_bytes;
    let large = (2 * cache_bytes).min(1 << most.max(SMALL).ilog2()).next_power_of_two();
    let large_stride = large / VECTOR / u64::from(LARGE_PASSES);
    Ok(Peaks {
        flops_per_second: flops(gpu)?,
        bytes_per_second: copy(gpu, large, large_stride, LARGE_PASSES)?,
        cached_bytes_per_second: copy(gpu, SMALL, SMALL / VECTOR / 4, 4 * SMALL_SWEEPS)?,
        cache_bytes,
        launch_seconds,
    })
}

/// One launch of each kernel by which [`Device::peaks`](crate::Device::peaks) measures a GPU: for checks of their text.
pub fn peak_launches() -> [Launch; 4] {
    [fused(true, MOST_STEPS), fused(false, MOST_STEPS), copies(1 << 16, LARGE_PASSES, 1 << 18), chained()]
}

/// Multiply-adds on 16 numbers an invocation, or on 8: more keep wide units busy, fewer fit the registers of all.
fn fused(wide: bool, steps: u32) -> Launch {
    let flops = numbers(wide) * FLOPS * INVOCATIONS as u64 * u64::from(steps);
    Launch::new(shader!("peak/fused.wgsl"))
        .flag("WIDE", wide)
        .output(0)
        .size("len", INVOCATIONS)
        .param("steps", Param::U32(steps))
        .param("one", Param::F32(1.0))
        .param("shift", Param::F32(0.0))
        .cost(INVOCATIONS as u64 / 64, steps.into(), flops)
}

fn numbers(wide: bool) -> u64 {
    if wide { 16 } else { 8 }
}

fn copies(stride: u32, passes: u32, vectors: u32) -> Launch {
    Launch::new(shader!("peak/copy.wgsl"))
        .input(0)
        .output(0)
        .param("stride", Param::U32(stride))
        .param("passes", Param::U32(passes))
        .param("mask", Param::U32(vectors - 1))
        .cost(u64::from(stride) / 64, passes.into(), 0)
}

fn chained() -> Launch {
    Launch::new(shader!("peak/launch.wgsl")).output(0).param("by", Param::U32(1)).cost(1, 1, 0)
}

/// A launch with whole buffers bound to it, in their order.
fn ready(gpu: &Gpu, launch: &Launch, buffers: &[&Buffer]) -> Result<Dispatch> {
    let composed = compose(launch);
    let kind = |writes| if writes { BindingKind::ReadWrite } else { BindingKind::ReadOnly };
    let source = KernelSource {
        label: "peak".into(),
        wgsl: composed.text,
        bindings: launch.binds.iter().map(|bind| kind(bind.writes())).collect(),
        params: true,
        trusted: composed.bounded,
    };
    let pipelines = gpu.pipelines(&[source])?;
    let words: Vec<u32> = launch.params.iter().map(|(_, param)| word(*param)).collect();
    let params = gpu.buffer("peak", 4 * words.len() as u64, BufferUse::Uniform)?;
    gpu.upload(&params, 0, bytemuck::cast_slice(&words))?;
    let ranges: Vec<_> = buffers.iter().map(|buffer| BufferRange::whole(buffer)).collect();
    let none = || Error::Unsupported { what: "a kernel of its own".into(), fix: "report this as a bug".into() };
    let pipeline = pipelines.into_iter().next().ok_or_else(none)?;
    let binds = gpu.bind_group(&pipeline, &ranges, Some(BufferRange::whole(&params)))?;
    let groups = u32::try_from(launch.groups).unwrap_or(u32::MAX);
    let rows = groups.div_ceil(gpu.limits().workgroups_per_dimension).max(1);
    Ok(Dispatch { pipeline, binds, grid: [groups.div_ceil(rows), rows, 1] })
}

/// The word of a parameter of these kernels: all of them are numbers.
fn word(param: Param) -> u32 {
    match param {
        Param::U32(n) => n,
        Param::F32(x) => x.to_bits(),
        Param::Offset { .. } | Param::Words { .. } | Param::StepWidth => 0,
    }
}

/// Seconds of a submission of a launch, `times` times over.
fn seconds(gpu: &Gpu, dispatch: &Dispatch, times: u32) -> Result<f64> {
    let start = Instant::now();
    let submission = gpu.submit(std::slice::from_ref(dispatch), times, &[])?;
    gpu.wait(&submission)?;
    Ok(start.elapsed().as_secs_f64())
}

/// Refuses rates of launches that have not left `expected` at byte `offset`: they did not run.
fn check(gpu: &Gpu, buffer: &Buffer, offset: u64, expected: u32) -> Result<()> {
    let to = gpu.buffer("peak", 4, BufferUse::ReadBack)?;
    let copy = BufferCopy { from: buffer.clone(), from_offset: offset, to: to.clone(), to_offset: 0, bytes: 4 };
    let submission = gpu.submit(&[], 0, &[copy])?;
    let bytes = ReadBack::start(gpu, &submission, &to, 0..4)?.wait()?;
    let got: Option<u32> = bytes.get(..4).map(bytemuck::pod_read_unaligned);
    if got == Some(expected) {
        return Ok(());
    }
    Err(gpu.lose(format!("a launch left {got:?}, not {expected}")))
}

/// The slope of the time over the number of launches, each of which waits for the one before it.
fn launch(gpu: &Gpu) -> Result<f64> {
    let y = gpu.buffer("peak", 256, BufferUse::Storage)?;
    let dispatch = ready(gpu, &chained(), &[&y])?;
    seconds(gpu, &dispatch, CHAINS[0])?;
    let rate = best(TIMES, || {
        let [short, long] = [seconds(gpu, &dispatch, CHAINS[0])?, seconds(gpu, &dispatch, CHAINS[1])?];
        let slope = (long - short) / f64::from(CHAINS[1] - CHAINS[0]);
        // A long chain that was disturbed less than a short one says nothing.
        Ok(if slope > 0.0 { 1.0 / slope } else { 0.0 })
    })?;
    check(gpu, &y, 0, CHAINS[0] + TIMES as u32 * (CHAINS[0] + CHAINS[1]))?;
    Ok(if rate > 0.0 { 1.0 / rate } else { 0.0 })
}

fn flops(gpu: &Gpu) -> Result<f64> {
    let y = gpu.buffer("peak", 4 * INVOCATIONS as u64, BufferUse::Storage)?;
    Ok(flops_of(gpu, true, &y)?.max(flops_of(gpu, false, &y)?))
}

fn flops_of(gpu: &Gpu, wide: bool, y: &Buffer) -> Result<f64> {
    let mut steps = 4;
    loop {
        let kernel = fused(wide, steps);
        let dispatch = ready(gpu, &kernel, &[y])?;
        seconds(gpu, &dispatch, 1)?; // what a driver puts off until the first launch
        let took = seconds(gpu, &dispatch, 1)?;
        if took < LONG / 4.0 && steps < MOST_STEPS {
            let wanted = f64::from(steps) * LONG / 2.0 / took.max(1e-6);
            steps = (wanted as u32).clamp(2 * steps, MOST_STEPS);
            continue;
        }
        let times = (LONG / took).clamp(1.0, 64.0) as u32;
        let work = kernel.flops as f64 * f64::from(times);
        let rate = best(TIMES, || Ok(work / seconds(gpu, &dispatch, times)?))?;
        check(gpu, y, 0, (numbers(wide) as f32).to_bits())?;
        return Ok(rate);
    }
}

fn copy(gpu: &Gpu, bytes: u64, stride: u64, passes: u32) -> Result<f64> {
    const MARK: u32 = 0x00c0_ffee;
    let (x, y) = (gpu.buffer("peak", bytes, BufferUse::Storage)?, gpu.buffer("peak", bytes, BufferUse::Storage)?);
    gpu.upload(&x, bytes - 4, bytemuck::cast_slice(&[MARK]))?;
    let [stride, vectors] = [stride, bytes / VECTOR].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let dispatch = ready(gpu, &copies(stride, passes, vectors), &[&x, &y])?;
    seconds(gpu, &dispatch, 1)?;
    let took = seconds(gpu, &dispatch, 1)?;
    let times = (LONG / took).clamp(1.0, 64.0) as u32;
    let moved = 2.0 * VECTOR as f64 * f64::from(stride) * f64::from(passes) * f64::from(times);
    let rate = best(TIMES, || Ok(moved / seconds(gpu, &dispatch, times)?))?;
    check(gpu, &y, bytes - 4, MARK)?;
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::tests::each_gpu;

    #[test]
    fn no_kernel_runs_longer_than_a_driver_allows() {
        for launch in peak_launches() {
            assert!(launch.trips < 65_535, "{launch:?}");
        }
    }

    #[test]
    fn every_gpu_has_peaks() {
        each_gpu(|gpu| {
            let peaks = peaks(gpu).unwrap();
            println!("{}: {peaks:?}", gpu.info());
            assert!(peaks.flops_per_second > 1e8 && peaks.bytes_per_second > 1e7, "{peaks:?}");
            assert!(peaks.cached_bytes_per_second > 1e7, "{peaks:?}");
            assert!(peaks.launch_seconds > 0.0 && peaks.launch_seconds < 0.01, "{peaks:?}");
        });
    }

    #[test]
    fn a_launch_that_did_not_run_is_a_lost_device() {
        each_gpu(|gpu| {
            let y = gpu.buffer("peak", 256, BufferUse::Storage).unwrap();
            assert!(check(gpu, &y, 0, 0).is_ok());
            assert!(matches!(check(gpu, &y, 0, 1), Err(Error::DeviceLost { .. })));
        });
    }
}
