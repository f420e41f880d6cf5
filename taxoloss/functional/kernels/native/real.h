/* The numbers that differ between float and double. */
#undef REAL
#undef NAME
#undef WORD
#undef MAGIC
#undef LOG2_HIGH
#undef LOG2_LOW
#undef EXPONENT_BIAS
#undef MANTISSA_BITS
#undef SMALLEST_LOG
#undef MOST_ODDS
#undef EXP_SERIES
#if FLOAT
#define REAL float
#define NAME(x) x##_f
#define WORD uint32_t
#define MAGIC 12582912.0f /* 1.5 * 2^23: its last digit is 1 */
#define LOG2_HIGH 0.693359375f
#define LOG2_LOW (-2.12194440e-4f)
#define EXPONENT_BIAS (127u - 0x4b400000u)
#define MANTISSA_BITS 23
#define SMALLEST_LOG (-87.3365f)
#define MOST_ODDS 1e20
/* To r^7 / 7!: what is left out is below 6e-9 of it. */
#define EXP_SERIES(r) \
    (1 + (r) * (1 + (r) * (1 / 2.f + (r) * (1 / 6.f + (r) * (1 / 24.f + (r) * (1 / 120.f + (r) * (1 / 720.f \
     + (r) * (1 / 5040.f))))))))
#else
#define REAL double
#define NAME(x) x##_d
#define WORD uint64_t
#define MAGIC 6755399441055744.0 /* 1.5 * 2^52 */
#define LOG2_HIGH 6.93147180369123816490e-01
#define LOG2_LOW 1.90821492927058770002e-10
#define EXPONENT_BIAS (1023u - 0x4338000000000000u)
#define MANTISSA_BITS 52
#define SMALLEST_LOG (-708.39)
#define MOST_ODDS 1e200
/* To r^13 / 13!: what is left out is below 5e-18 of it. */
#define EXP_SERIES(r) \
    (1 + (r) * (1 + (r) * (1 / 2. + (r) * (1 / 6. + (r) * (1 / 24. + (r) * (1 / 120. + (r) * (1 / 720. \
     + (r) * (1 / 5040. + (r) * (1 / 40320. + (r) * (1 / 362880. + (r) * (1 / 3628800. + (r) * (1 / 39916800. \
     + (r) * (1 / 479001600. + (r) * (1 / 6227020800.))))))))))))))
#endif
