//! The team of threads that kernels share their parts among: one for the process, as large as it has cores.
//!
//! A member that has nothing to do looks for work for a while, then lets others run, then sleeps until it is woken. A
//! part is taken by whoever comes first, and nobody is waited for who has taken none.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};
use std::thread::{self, Thread};

use crate::graph::{TEAM_SCRATCH, Team};

/// Members at most.
const MOST: usize = 32;
/// Looks for work before others are let run: some 20 µs.
const LOOKS: u32 = 4000;
/// Times that others are let run before a member sleeps.
const YIELDS: u32 = 50;

/// The team of this process; `None` while another program runs with it.
pub fn team() -> Option<MutexGuard<'static, Threads>> {
    static TEAM: OnceLock<Mutex<Threads>> = OnceLock::new();
    let cores = || thread::available_parallelism().map_or(1, |cores| cores.get());
    match TEAM.get_or_init(|| Mutex::new(Threads::new(cores()))).try_lock() {
        Ok(team) => Some(team),
        Err(TryLockError::Poisoned(team)) => Some(team.into_inner()), // between two jobs there is nothing to spoil
        Err(TryLockError::WouldBlock) => None,
    }
}

/// A kernel's parts.
struct Job<'a> {
    work: &'a (dyn Fn(usize, &mut [f32]) + Sync),
}

/// What the members see.
#[derive(Debug, Default)]
struct Board {
    /// The number of the job in the upper half; then how many parts it has, and how many of them are taken, in 16 bits
    /// each.
    ticket: AtomicU64,
    /// The [`Job`], which stays until all of its parts are done.
    job: AtomicPtr<()>,
    done: AtomicUsize,
    panicked: AtomicBool,
    closed: AtomicBool,
}

impl Board {
    /// Whether there is a part to take.
    fn is_open(&self) -> bool {
        let ticket = self.ticket.load(Ordering::SeqCst);
        ticket & 0xffff < ticket >> 16 & 0xffff
    }

    /// Takes a part and does it; false where there is none.
    fn work(&self, scratch: &mut [f32]) -> bool {
        let mut ticket = self.ticket.load(Ordering::Acquire);
        loop {
            if ticket & 0xffff >= ticket >> 16 & 0xffff {
                return false;
            }
            match self.ticket.compare_exchange_weak(ticket, ticket + 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(now) => ticket = now,
            }
        }
        // SAFETY: `Threads::run` made it, and does not return before this part is done.
        let job = unsafe { &*self.job.load(Ordering::Acquire).cast::<Job<'_>>() };
        if catch_unwind(AssertUnwindSafe(|| (job.work)((ticket & 0xffff) as usize, scratch))).is_err() {
            self.panicked.store(true, Ordering::Release);
        }
        self.done.fetch_add(1, Ordering::Release);
        true
    }
}

/// A member with a thread of its own.
#[derive(Debug)]
struct Member {
    thread: Thread,
    asleep: Arc<AtomicBool>,
}

/// The caller, and members with threads of their own. These begin with the first job of several parts.
#[derive(Debug)]
pub struct Threads {
    size: usize,
    board: Arc<Board>,
    others: Vec<Member>,
    scratch: Vec<f32>,
    jobs: u32,
}

impl Threads {
    /// A team of `size`.
    pub fn new(size: usize) -> Self {
        let scratch = vec![0.0; TEAM_SCRATCH];
        Self { size: size.clamp(1, MOST), board: Arc::default(), others: vec![], scratch, jobs: 0 }
    }

    /// Begins the threads. Where the system gives fewer, the team is smaller.
    fn begin(&mut self) {
        while self.others.len() + 1 < self.size {
            let (board, asleep) = (Arc::clone(&self.board), Arc::new(AtomicBool::new(false)));
            let sleeps = Arc::clone(&asleep);
            match thread::Builder::new().name("wgrad".into()).spawn(move || stand_by(&board, &sleeps)) {
                Ok(handle) => self.others.push(Member { thread: handle.thread().clone(), asleep }),
                Err(_) => self.size = self.others.len() + 1,
            }
        }
    }

    /// Wakes those that sleep.
    fn wake(&self) {
        for member in &self.others {
            if member.asleep.swap(false, Ordering::SeqCst) {
                member.thread.unpark();
            }
        }
    }
}

// SAFETY: each part is given to one member, once.
unsafe impl Team for Threads {
    fn size(&self) -> usize {
        self.size
    }

    fn run(&mut self, parts: usize, work: &(dyn Fn(usize, &mut [f32]) + Sync)) {
        if parts <= 1 || self.size == 1 || parts > 0xffff {
            return (0..parts).for_each(|part| work(part, &mut self.scratch));
        }
        self.begin();
        let (board, job) = (&self.board, Job { work });
        board.job.store(ptr::from_ref(&job).cast_mut().cast(), Ordering::Relaxed);
        board.done.store(0, Ordering::Relaxed);
        self.jobs = self.jobs.wrapping_add(1);
        board.ticket.store(u64::from(self.jobs) << 32 | (parts as u64) << 16, Ordering::SeqCst);
        self.wake();
        while board.work(&mut self.scratch) {}
        let mut looks = 0;
        while board.done.load(Ordering::Acquire) < parts {
            looks += 1;
            if looks < LOOKS { std::hint::spin_loop() } else { thread::yield_now() }
        }
        if board.panicked.swap(false, Ordering::AcqRel) {
            resume_unwind(Box::new("a kernel panicked in a thread of the team"));
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.board.closed.store(true, Ordering::SeqCst);
        self.wake();
    }
}

/// What a member does until its team is no more.
fn stand_by(board: &Board, asleep: &AtomicBool) {
    let mut scratch = vec![0.0; TEAM_SCRATCH];
    let mut looks = 0;
    while !board.closed.load(Ordering::SeqCst) {
        if board.work(&mut scratch) {
            looks = 0;
            continue;
        }
        looks += 1;
        if looks < LOOKS {
            std::hint::spin_loop();
        } else if looks < LOOKS + YIELDS {
            thread::yield_now();
        } else {
            // Who opens a job, or closes the team, after this look sees that this member sleeps.
            asleep.store(true, Ordering::SeqCst);
            if !board.is_open() && !board.closed.load(Ordering::SeqCst) {
                thread::park();
            }
            asleep.store(false, Ordering::SeqCst);
            looks = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_done_once_by_teams_of_all_sizes() {
        for size in [1, 2, 3, 8] {
            let mut team = Threads::new(size);
            for round in 0..2000 {
                let parts = round % 7;
                let counts: Vec<AtomicUsize> = (0..parts).map(|_| AtomicUsize::new(0)).collect();
                team.run(parts, &|part, scratch| {
                    assert_eq!(scratch.len(), TEAM_SCRATCH);
                    counts[part].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{size} {counts:?}");
                if round % 500 == 0 {
                    thread::sleep(std::time::Duration::from_millis(3)); // long enough for members to sleep
                }
            }
        }
    }

    #[test]
    fn a_panic_in_a_part_reaches_the_caller_and_the_team_goes_on() {
        let mut team = Threads::new(3);
        let run = AssertUnwindSafe(|| team.run(5, &|part, _| assert_ne!(part, 3, "on purpose")));
        assert!(catch_unwind(run).is_err());
        let done = AtomicUsize::new(0);
        team.run(5, &|_, _| {
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.into_inner(), 5);
    }
}
