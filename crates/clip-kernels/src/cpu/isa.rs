//! Which instruction set the kernels use: the only place that asks the processor.

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
    /// AVX-512 F, 512 bits.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// The widest one this processor has.
    pub fn detect() -> Self {
        Self::available().next().unwrap_or(Self(Level::Portable))
    }

    /// Every one this processor has, widest first.
    pub fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let wide = [
            (std::arch::is_x86_feature_detected!("avx512f") && has_avx2()).then_some(Level::Avx512),
            has_avx2().then_some(Level::Avx2),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let wide: [Option<Level>; 0] = [];
        wide.into_iter().flatten().chain([Level::Portable]).map(Self)
    }

    /// Its name: `avx512`, `avx2` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }

    pub(crate) fn level(self) -> Level {
        self.0
    }

    /// Runs a loop compiled for this instruction set.
    ///
    /// The arithmetic is that of the source on every instruction set (Rust never fuses a
    /// multiplication and an addition by itself), so the bits are the same on all of them.
    #[inline]
    pub(crate) fn vectorize<V: Vectorize>(self, body: V) -> V::Output {
        match self.0 {
            Level::Portable => body.run(),
            // SAFETY: an `Isa` of this level exists only where the processor has its features.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { run_avx2(body) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { run_avx512(body) },
        }
    }
}

/// A loop that the compiler turns into vector instructions of whatever function it is inlined into.
pub(crate) trait Vectorize {
    type Output;

    /// Must be `#[inline(always)]`, like everything it calls: a function that is called keeps the
    /// instructions of its own compilation.
    fn run(self) -> Self::Output;
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<V: Vectorize>(body: V) -> V::Output {
    body.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn run_avx512<V: Vectorize>(body: V) -> V::Output {
    body.run()
}
