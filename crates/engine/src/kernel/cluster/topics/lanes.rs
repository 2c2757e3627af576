//! Four numbers side by side, in the registers that this machine has.
//!
//! An algorithm is written once over [`Lanes`], as a [`Work`]; [`Form::run`] runs it with the widest form that the machine
//! knows. Every form does the same IEEE operations in the same order (none fuses a product with a sum), so all give the same bits.
//! Whatever is to run in registers must be inlined into the function that `run` enters, closures too: a call of its own
//! would be compiled without them.

#![allow(unsafe_code)]

/// Four numbers as they lie in memory.
pub type Four = [f64; 4];

/// Four numbers; operations are lane by lane.
pub trait Lanes: Copy {
    fn splat(x: f64) -> Self;
    fn load(from: &Four) -> Self;
    fn store(self, to: &mut Four);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    /// `self` where it is less, else `other`: that where either is NaN.
    fn min(self, other: Self) -> Self;
    fn abs(self) -> Self;
    /// Moves the bits of the fraction up to where the exponent's are.
    fn fraction_to_exponent(self) -> Self;
    /// Returns whether a lane is less than the other's.
    fn any_below(self, other: Self) -> bool;
}

/// What runs over lanes.
pub trait Work {
    type Out;

    /// Must be `#[inline(always)]`, as everything it calls.
    fn run<L: Lanes>(self) -> Self::Out;
}

/// Which registers the work runs in: only those that the machine has can be had.
#[derive(Clone, Copy, Debug)]
pub struct Form(Registers);

#[derive(Clone, Copy, Debug)]
enum Registers {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Form {
    /// Returns the widest form that this machine has.
    pub fn best() -> Form {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Form(Registers::Avx2);
        }
        Form::portable()
    }

    /// Returns the form that every machine has.
    pub fn portable() -> Form {
        Form(Registers::Portable)
    }

    #[inline]
    pub fn run<W: Work>(self, work: W) -> W::Out {
        match self.0 {
            Registers::Portable => work.run::<Portable>(),
            // SAFETY: `best` alone makes this form, on a machine with AVX2.
            #[cfg(target_arch = "x86_64")]
            Registers::Avx2 => unsafe { avx2::run(work) },
        }
    }
}

/// As an array; LLVM finds the registers.
#[derive(Clone, Copy)]
struct Portable(Four);

impl Portable {
    #[inline(always)]
    fn with(self, other: Portable, f: impl Fn(f64, f64) -> f64) -> Portable {
        let (a, b) = (self.0, other.0);
        Portable([f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])])
    }
}

impl Lanes for Portable {
    #[inline(always)]
    fn splat(x: f64) -> Portable {
        Portable([x; 4])
    }

    #[inline(always)]
    fn load(from: &Four) -> Portable {
        Portable(*from)
    }

    #[inline(always)]
    fn store(self, to: &mut Four) {
        *to = self.0;
    }

    #[inline(always)]
    fn add(self, other: Portable) -> Portable {
        self.with(other, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, other: Portable) -> Portable {
        self.with(other, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, other: Portable) -> Portable {
        self.with(other, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, other: Portable) -> Portable {
        self.with(other, |a, b| a / b)
    }

    #[inline(always)]
    fn min(self, other: Portable) -> Portable {
        self.with(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn abs(self) -> Portable {
        self.with(self, |a, _| a.abs())
    }

    #[inline(always)]
    fn fraction_to_exponent(self) -> Portable {
        self.with(self, |a, _| f64::from_bits(a.to_bits() << 52))
    }

    #[inline(always)]
    fn any_below(self, other: Portable) -> bool {
        let (a, b) = (self.0, other.0);
        (a[0] < b[0]) | (a[1] < b[1]) | (a[2] < b[2]) | (a[3] < b[3])
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::{Four, Lanes, Work};

    #[target_feature(enable = "avx2")]
    pub fn run<W: Work>(work: W) -> W::Out {
        work.run::<Avx2>()
    }

    /// Nobody outside has one, so all below runs within [`run`].
    #[derive(Clone, Copy)]
    struct Avx2(__m256d);

    // SAFETY (of every block here): within `run` the machine has AVX2; what is read or written is a reference to four numbers.
    impl Lanes for Avx2 {
        #[inline(always)]
        fn splat(x: f64) -> Avx2 {
            Avx2(unsafe { _mm256_set1_pd(x) })
        }

        #[inline(always)]
        fn load(from: &Four) -> Avx2 {
            Avx2(unsafe { _mm256_loadu_pd(from.as_ptr()) })
        }

        #[inline(always)]
        fn store(self, to: &mut Four) {
            unsafe { _mm256_storeu_pd(to.as_mut_ptr(), self.0) }
        }

        #[inline(always)]
        fn add(self, other: Avx2) -> Avx2 {
            Avx2(unsafe { _mm256_add_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn sub(self, other: Avx2) -> Avx2 {
            Avx2(unsafe { _mm256_sub_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn mul(self, other: Avx2) -> Avx2 {
            Avx2(unsafe { _mm256_mul_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn div(self, other: Avx2) -> Avx2 {
            Avx2(unsafe { _mm256_div_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn min(self, other: Avx2) -> Avx2 {
            Avx2(unsafe { _mm256_min_pd(self.0, other.0) })
        }

        #[inline(always)]
        fn abs(self) -> Avx2 {
            Avx2(unsafe { _mm256_andnot_pd(_mm256_set1_pd(-0.0), self.0) })
        }

        #[inline(always)]
        fn fraction_to_exponent(self) -> Avx2 {
            Avx2(unsafe { _mm256_castsi256_pd(_mm256_slli_epi64::<52>(_mm256_castpd_si256(self.0))) })
        }

        #[inline(always)]
        fn any_below(self, other: Avx2) -> bool {
            unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LT_OQ>(self.0, other.0)) != 0 }
        }
    }
}
