//! Every call into wgpu stands here: thin wrappers with typed errors, all run by [`call`], which tests make fail.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_intrusive::channel::shared::{OneshotReceiver, oneshot_channel};

use super::counters::Tally;
use super::faults::Faults;
use super::guard::{Raw, call};
#[cfg(test)]
use super::shim::{self, Way};
use crate::error::{Error, Result};

/// The adapters of the backends that wgrad supports. Without a loader or a driver there are none.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn adapters() -> Result<Vec<wgpu::Adapter>> {
    use wgpu::Backends;
    let backends = Backends::VULKAN | Backends::METAL | Backends::DX12 | Backends::BROWSER_WEBGPU;
    call("Instance::enumerate_adapters", || {
        let defaults = wgpu::InstanceDescriptor::new_without_display_handle();
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor { backends, ..defaults });
        pollster::block_on(instance.enumerate_adapters(backends))
    })
}

/// What an adapter says of itself.
pub(super) fn describe(adapter: &wgpu::Adapter) -> Result<(wgpu::AdapterInfo, wgpu::Limits, wgpu::Features)> {
    call("Adapter::get_info", || (adapter.get_info(), adapter.limits(), adapter.features()))
}

/// A submission, to be waited for.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    #[cfg(not(target_arch = "wasm32"))]
    index: wgpu::SubmissionIndex,
    #[cfg(target_arch = "wasm32")]
    done: Arc<std::sync::atomic::AtomicBool>,
}

/// One launch, as wgpu wants it.
pub(super) struct Launch<'a> {
    pub(super) pipeline: &'a wgpu::ComputePipeline,
    pub(super) groups: [Option<&'a wgpu::BindGroup>; 2],
    pub(super) grid: [u32; 3],
}

/// One copy between buffers, as wgpu wants it.
pub(super) struct CopyCall<'a> {
    pub(super) from: &'a wgpu::Buffer,
    pub(super) from_offset: u64,
    pub(super) to: &'a wgpu::Buffer,
    pub(super) to_offset: u64,
    pub(super) bytes: u64,
}

/// A compute pipeline to be made; `storage` says for each binding whether it is read-only.
pub(super) struct PipelineCall<'a> {
    pub(super) label: &'a str,
    pub(super) wgsl: &'a str,
    pub(super) storage: &'a [bool],
    pub(super) params: bool,
    pub(super) trusted: bool,
}

/// A pipeline and the layouts of its groups.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) pipeline: Raw<wgpu::ComputePipeline>,
    pub(super) layouts: Vec<Raw<wgpu::BindGroupLayout>>,
}

/// A mapping that was asked for; what it resolves to comes through a channel.
#[derive(Debug)]
pub(super) struct Mapping(OneshotReceiver<bool>);

impl Mapping {
    /// Whether the buffer was mapped, once that is known.
    pub(super) fn outcome(&self) -> Option<bool> {
        let mut answer = std::pin::pin!(self.0.receive());
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(mapped) => Some(mapped.unwrap_or(false)),
            Poll::Pending => None,
        }
    }
}

/// A device and its queue.
#[derive(Debug)]
pub(super) struct Device {
    // Before the device: the queue waits for its work as it is dropped.
    queue: Raw<wgpu::Queue>,
    device: Raw<wgpu::Device>,
    faults: Arc<Faults>,
    tally: Arc<Tally>,
}

impl Device {
    /// Opens a device with all limits of its adapter, and handlers that record.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn open(adapter: &wgpu::Adapter, limits: wgpu::Limits, tally: Arc<Tally>) -> Result<Self> {
        const NAME: &str = "Adapter::request_device";
        let descriptor = wgpu::DeviceDescriptor { label: Some("wgrad"), required_limits: limits, ..Default::default() };
        let (device, queue) = call(NAME, || pollster::block_on(adapter.request_device(&descriptor)))?
            .map_err(|error| Error::Device { call: NAME.into(), reason: error.to_string() })?;
        let opened = Self::adopt(device, queue, tally);
        let (lost, uncaptured) = (opened.faults.clone(), opened.faults.clone());
        opened.call("Device::on_uncaptured_error", || {
            opened.device.set_device_lost_callback(move |why, text| lost.lose(format!("{why:?}: {text}")));
            opened
                .device
                .on_uncaptured_error(Arc::new(move |error: wgpu::Error| uncaptured.uncaptured(error.to_string())));
        })?;
        Ok(opened)
    }

    /// Takes a device that the program opened, its handlers untouched.
    pub(super) fn adopt(device: wgpu::Device, queue: wgpu::Queue, tally: Arc<Tally>) -> Self {
        Self { queue: Raw::new(queue), device: Raw::new(device), faults: Arc::default(), tally }
    }

    /// What the device says of itself.
    pub(super) fn describe(&self) -> Result<(wgpu::AdapterInfo, wgpu::Limits, wgpu::Features)> {
        let device = &self.device;
        self.call("Device::adapter_info", || (device.adapter_info(), device.limits(), device.features()))
    }

    /// Notes that the device is lost, and gives the error for it.
    pub(super) fn lost(&self, reason: impl Into<String>) -> Error {
        self.faults.lose(reason.into());
        // The first reason that was noted is the one that counts.
        self.faults.check().err().unwrap_or_else(|| Error::DeviceLost { reason: "unknown".into() })
    }

    fn call<T>(&self, name: &str, f: impl FnOnce() -> T) -> Result<T> {
        self.faults.check()?;
        call(name, f).map_err(|error| match error {
            Error::DeviceLost { reason } => self.lost(reason),
            other => other,
        })
    }

    /// A call between error scopes, which are per thread. `need` is what it allocates.
    #[cfg(not(target_arch = "wasm32"))]
    fn scoped<T>(&self, name: &str, label: &str, need: u64, f: impl FnOnce() -> T) -> Result<T> {
        let (value, errors) = self.call(name, || {
            let internal = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
            let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
            let validation = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
            let value = f();
            (value, [validation.pop(), memory.pop(), internal.pop()].map(pollster::block_on))
        })?;
        match errors.into_iter().flatten().next() {
            None => Ok(value),
            Some(wgpu::Error::OutOfMemory { .. }) => {
                Err(Error::OutOfMemory { need, held: self.tally.bytes_allocated() })
            }
            Some(error) => Err(Error::Device { call: format!("{name} ({label})"), reason: error.to_string() }),
        }
    }

    /// A scope answers later in a browser and there is no waiting: errors go to the device's own handler.
    #[cfg(target_arch = "wasm32")]
    fn scoped<T>(&self, name: &str, _: &str, _: u64, f: impl FnOnce() -> T) -> Result<T> {
        self.call(name, f)
    }

    /// A buffer, zeroed.
    pub(super) fn buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> Result<Raw<wgpu::Buffer>> {
        let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
        self.scoped("Device::create_buffer", label, size, || Raw::new(self.device.create_buffer(&descriptor)))
    }

    /// Copies bytes to where they are staged; they reach the buffer with the next submission.
    pub(super) fn write(&self, buffer: &wgpu::Buffer, label: &str, offset: u64, bytes: &[u8]) -> Result<()> {
        let write = || self.queue.write_buffer(buffer, offset, bytes);
        self.scoped("Queue::write_buffer", label, bytes.len() as u64, write)
    }

    /// A pipeline with an explicit layout: group 0 storage in order, group 1 the uniform.
    pub(super) fn pipeline(&self, source: &PipelineCall<'_>) -> Result<Compiled> {
        self.scoped("Device::create_compute_pipeline", source.label, 0, || {
            let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
            let mut layouts = vec![self.layout(source.label, source.storage.iter().map(|&r| storage(r)))];
            if source.params {
                layouts.push(self.layout(source.label, std::iter::once(wgpu::BufferBindingType::Uniform)));
            }
            let groups: Vec<_> = layouts.iter().map(|layout| Some(&**layout)).collect();
            let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(source.label),
                bind_group_layouts: &groups,
                immediate_size: 0,
            });
            let module = self.module(source);
            let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(source.label),
                layout: Some(&layout),
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &[],
                    zero_initialize_workgroup_memory: false,
                },
                cache: None,
            });
            Compiled { pipeline: Raw::new(pipeline), layouts }
        })
    }

    fn layout(&self, label: &str, kinds: impl Iterator<Item = wgpu::BufferBindingType>) -> Raw<wgpu::BindGroupLayout> {
        let entry = |(binding, ty)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let entries: Vec<_> = (0..).zip(kinds).map(entry).collect();
        let descriptor = wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries };
        Raw::new(self.device.create_bind_group_layout(&descriptor))
    }

    fn module(&self, source: &PipelineCall<'_>) -> wgpu::ShaderModule {
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(source.label),
            source: wgpu::ShaderSource::Wgsl(Cow::Borrowed(source.wgsl)),
        };
        if !source.trusted {
            return self.device.create_shader_module(descriptor);
        }
        let checks = wgpu::ShaderRuntimeChecks { force_loop_bounding: false, ..wgpu::ShaderRuntimeChecks::checked() };
        // SAFETY: only loop bounding is off, and loops of wgrad's own kernels have bounds.
        unsafe { self.device.create_shader_module_trusted(descriptor, checks) }
    }

    /// A bind group of buffer ranges (buffer, offset, size), in order.
    pub(super) fn bind_group(
        &self,
        label: &str,
        layout: &wgpu::BindGroupLayout,
        ranges: &[(&wgpu::Buffer, u64, u64)],
    ) -> Result<Raw<wgpu::BindGroup>> {
        let entry = |(binding, &(buffer, offset, size)): (u32, &(_, u64, u64))| wgpu::BindGroupEntry {
            binding,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer,
                offset,
                size: NonZeroU64::new(size),
            }),
        };
        let entries: Vec<_> = (0..).zip(ranges).map(entry).collect();
        let descriptor = wgpu::BindGroupDescriptor { label: Some(label), layout, entries: &entries };
        self.scoped("Device::create_bind_group", label, 0, || Raw::new(self.device.create_bind_group(&descriptor)))
    }

    /// Submits launches in one pass, then copies.
    pub(super) fn submit<'a>(
        &self,
        launches: impl Iterator<Item = Launch<'a>>,
        copies: impl Iterator<Item = CopyCall<'a>>,
    ) -> Result<Submission> {
        self.faults.report()?;
        #[cfg(test)]
        let launches = launches.take(shim::due("Queue::submit", &[Way::Swallow]).map_or(usize::MAX, |_| 0));
        let submission = self.scoped("Queue::submit", "wgrad", 0, || {
            let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encode(&mut encoder, launches);
            for copy in copies {
                encoder.copy_buffer_to_buffer(copy.from, copy.from_offset, copy.to, copy.to_offset, copy.bytes);
            }
            self.enqueue(encoder.finish())
        })?;
        // A lost device refuses a submission without a word; only the index tells.
        self.finished(&submission, Duration::ZERO)?;
        Ok(submission)
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn enqueue(&self, commands: wgpu::CommandBuffer) -> Submission {
        Submission { index: self.queue.submit([commands]) }
    }

    #[cfg(target_arch = "wasm32")]
    fn enqueue(&self, commands: wgpu::CommandBuffer) -> Submission {
        self.queue.submit([commands]);
        let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let flag = done.clone();
        self.queue.on_submitted_work_done(move || flag.store(true, std::sync::atomic::Ordering::Release));
        Submission { done }
    }

    /// Whether a submission has finished, after at most `timeout`.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn finished(&self, submission: &Submission, timeout: Duration) -> Result<bool> {
        self.wait(Some(submission.index.clone()), timeout)
    }

    /// Whether a submission has finished; there is no waiting in a browser.
    #[cfg(target_arch = "wasm32")]
    pub(super) fn finished(&self, submission: &Submission, _: Duration) -> Result<bool> {
        self.faults.check()?;
        Ok(submission.done.load(std::sync::atomic::Ordering::Acquire))
    }

    /// Whether all submissions have finished, after at most `timeout`; always so in a browser.
    pub(super) fn idle(&self, timeout: Duration) -> Result<bool> {
        self.wait(None, timeout)
    }

    fn wait(&self, submission_index: Option<wgpu::SubmissionIndex>, timeout: Duration) -> Result<bool> {
        let poll = wgpu::PollType::Wait { submission_index, timeout: Some(timeout) };
        match self.call("Device::poll", || self.device.poll(poll))? {
            Ok(_) => Ok(true),
            Err(wgpu::PollError::Timeout) => Ok(false),
            Err(error @ wgpu::PollError::WrongSubmissionIndex(..)) => {
                Err(self.lost(format!("a submission was refused: {error}")))
            }
        }
    }

    /// Lets callbacks run and memory come back, without waiting.
    pub(super) fn poll(&self) -> Result<()> {
        self.call("Device::poll", || self.device.poll(wgpu::PollType::Poll)).map(drop)
    }

    /// Asks for a buffer to be mapped for reading.
    pub(super) fn map(&self, buffer: &wgpu::Buffer, label: &str, range: Range<u64>) -> Result<Mapping> {
        let (sender, receiver) = oneshot_channel();
        self.scoped("Buffer::map_async", label, 0, || {
            buffer.map_async(wgpu::MapMode::Read, range, move |mapped| {
                // Nobody waits where the read-back was dropped.
                let _ = sender.send(mapped.is_ok());
            });
        })?;
        Ok(Mapping(receiver))
    }

    /// The bytes of a range that is mapped.
    pub(super) fn mapped(&self, buffer: &wgpu::Buffer, label: &str, range: Range<u64>) -> Result<Vec<u8>> {
        self.call("Buffer::get_mapped_range", || buffer.get_mapped_range(range).map(|view| view.to_vec()))?.map_err(
            |error| Error::Device { call: format!("Buffer::get_mapped_range ({label})"), reason: error.to_string() },
        )
    }

    /// Unmaps a buffer, or takes back that it be mapped.
    pub(super) fn unmap(&self, buffer: &wgpu::Buffer, label: &str) -> Result<()> {
        self.scoped("Buffer::unmap", label, 0, || buffer.unmap())
    }
}

fn encode<'a>(encoder: &mut wgpu::CommandEncoder, launches: impl Iterator<Item = Launch<'a>>) {
    let mut launches = launches.peekable();
    if launches.peek().is_none() {
        return;
    }
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
    for Launch { pipeline, groups, grid: [x, y, z] } in launches {
        pass.set_pipeline(pipeline);
        for (index, group) in (0..).zip(groups) {
            if group.is_some() {
                pass.set_bind_group(index, group, &[]);
            }
        }
        pass.dispatch_workgroups(x, y, z);
    }
}
