//! Which instruction set the kernels use: the only place that asks the processor.

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::lanes::{Lanes, Portable};

/// An instruction set this processor has. A value of this type is the proof: only [`Isa::detect`]
/// and [`Isa::available`] make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(Level);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Whatever the compiler's target guarantees.
    Portable,
    /// AVX2 and FMA, 256 bits.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F and BW, 512 bits; and whether it multiplies bf16 and 8-bit integers.
    #[cfg(target_arch = "x86_64")]
    Avx512 { bf16: bool, vnni: bool },
}

impl Isa {
    /// The widest one this processor has.
    pub fn detect() -> Self {
        Self::available().next().unwrap_or(Self(Level::Portable))
    }

    /// Every one this processor has, widest first.
    pub fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let wide = [avx512(), has_avx2().then_some(Level::Avx2)];
        #[cfg(not(target_arch = "x86_64"))]
        let wide: [Option<Level>; 0] = [];
        wide.into_iter().flatten().chain([Level::Portable]).map(Self)
    }

    /// The one of this name (`avx512`, `avx2`, `portable`), if this processor has it.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().find(|isa| isa.name() == name)
    }

    /// Its name: `avx512`, `avx2` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 { .. } => "avx512",
        }
    }

    pub(crate) fn level(self) -> Level {
        self.0
    }

    /// Runs a loop compiled for this instruction set.
    ///
    /// The arithmetic is that of the source: Rust never fuses a multiplication and an addition by
    /// itself, only [`Vectorize::run`] does where it is told that this costs nothing.
    #[inline]
    pub(super) fn vectorize<V: Vectorize>(self, body: V) -> V::Output {
        match self.0 {
            Level::Portable => body.run::<Portable>(),
            // SAFETY: an `Isa` of this level exists only where the processor has its features.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { run_avx2(body) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 { .. } => unsafe { run_avx512(body) },
        }
    }

    /// The same for a loop that rounds to bf16, with the instruction for it where there is one.
    #[inline]
    pub(super) fn vectorize_in_bf16<V: Vectorize>(self, body: V) -> V::Output {
        match self.0 {
            // SAFETY: an `Isa` of this level exists only where the processor has its features.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 { bf16: true, .. } => unsafe { run_avx512_bf16(body) },
            _ => self.vectorize(body),
        }
    }
}

/// A loop that the compiler turns into vector instructions of whatever function it is inlined into.
pub(super) trait Vectorize {
    type Output;

    /// Must be `#[inline(always)]`, like everything it calls: a function that is called keeps the
    /// instructions of its own compilation. `L`: its sixteen numbers, for what the compiler does
    /// not find by itself.
    fn run<L: Lanes>(self) -> Self::Output;
}

/// `a · b + c`, rounded once where `fused` (a constant) says that this is one instruction, else
/// twice (the library call that rounds once without hardware is a hundred times slower).
#[inline(always)]
pub(crate) fn multiply_add(fused: bool, a: f32, b: f32, c: f32) -> f32 {
    if fused { a.mul_add(b, c) } else { a * b + c }
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
fn avx512() -> Option<Level> {
    use std::arch::is_x86_feature_detected as has;
    let level =
        Level::Avx512 { bf16: has!("avx512bf16") && has!("avx512vl"), vnni: has!("avx512vnni") };
    (has_avx2() && has!("avx512f") && has!("avx512bw")).then_some(level)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<V: Vectorize>(body: V) -> V::Output {
    body.run::<Avx2>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx2,fma")]
fn run_avx512<V: Vectorize>(body: V) -> V::Output {
    body.run::<Avx512>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16,avx2,fma")]
fn run_avx512_bf16<V: Vectorize>(body: V) -> V::Output {
    body.run::<Avx512<true>>()
}
