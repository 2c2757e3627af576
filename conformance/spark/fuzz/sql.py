"""Statements of SQLTransformer, drawn from a grammar: typed expressions over the columns that are there."""
from lab import NotNow
from pyspark.ml.feature import SQLTransformer

WHOLE = ("int", "bigint", "smallint", "tinyint")
# Functions by what they give and what they take: N number, I whole number, L small literal number, T text, B truth, D date,
# M timestamp, W array of strings, P pattern, F format, U unit, R any of one kind.
FUNCTIONS = {
    "N": ["abs(N)", "sqrt(N)", "exp(N)", "ln(N)", "log(N)", "log10(N)", "log2(N)", "log1p(N)", "expm1(N)", "log(N, N)", "pow(N, L)", "power(N, N)",
          "cbrt(N)", "sin(N)", "cos(N)", "tan(N)", "asin(N)", "acos(N)", "atan(N)", "atan2(N, N)", "sinh(N)", "cosh(N)", "tanh(N)", "asinh(N)",
          "acosh(N)", "atanh(N)", "hypot(N, N)", "degrees(N)", "radians(N)", "rint(N)", "signum(N)", "sign(N)", "round(N)", "round(N, L)",
          "bround(N, L)", "nanvl(N, N)", "N + N", "N - N", "N * N", "N / N", "N % N", "-N", "(N)", "greatest(N, N, N)", "least(N, N)",
          "coalesce(N, N)", "nullif(N, N)", "nvl(N, N)", "ifnull(N, N)", "nvl2(T, N, N)", "if(B, N, N)", "CASE WHEN B THEN N ELSE N END",
          "CASE WHEN B THEN N WHEN B THEN N END", "CAST(I AS DOUBLE)", "CAST(T AS DOUBLE)", "CAST(B AS DOUBLE)", "CAST(N AS FLOAT)", "double(I)",
          "pmod(N, L)", "cot(N)", "e()", "pi()", "months_between(D, D)", "months_between(M, D)", "try_divide(N, N)", "N * 1.5", "N + 2",
          "CAST(N AS DECIMAL(12,3))", "I / I", "mod(N, N)", "positive(N)", "negative(N)", "CASE T WHEN 'fig' THEN N WHEN 'a' THEN 1.0 ELSE N END"],
    "I": ["I + I", "I - I", "I * L", "I % I", "I DIV I", "abs(I)", "-I", "ceil(N)", "floor(N)", "ceiling(N)", "CAST(N AS INT)", "CAST(N AS BIGINT)",
          "CAST(T AS INT)", "CAST(B AS INT)", "int(N)", "bigint(N)", "length(T)", "char_length(T)", "octet_length(T)", "instr(T, T)", "locate('a', T)",
          "locate('e', T, L)", "ascii(T)", "levenshtein(T, T)", "size(W)", "array_position(W, 'gate')", "year(D)", "month(D)", "day(D)",
          "dayofmonth(D)", "dayofweek(D)", "weekday(D)", "dayofyear(D)", "quarter(D)", "weekofyear(D)", "hour(M)", "minute(M)", "second(M)",
          "datediff(D, D)", "unix_timestamp(M)", "unix_timestamp(M, F)", "EXTRACT(YEAR FROM D)", "EXTRACT(week FROM M)", "date_part('doy', D)",
          "coalesce(I, I)", "if(B, I, I)", "CASE WHEN B THEN I ELSE L END", "I & I", "I | I", "I ^ I", "~I", "shiftleft(I, L)", "shiftright(I, L)",
          "shiftrightunsigned(I, L)", "bit_count(I)", "greatest(I, I)", "least(I, I, L)", "pmod(I, L)", "hash(T, N, I)", "xxhash64(T, N)",
          "crc32(T)", "find_in_set(T, 'a,fig,kiwi')", "position('a' IN T)", "year(M)", "to_days(D)", "cardinality(W)", "factorial(L)",
          "round(I, -1)", "unix_date(D)", "regexp_count(T, P)", "nullif(I, L)", "CAST(M AS BIGINT)", "width_bucket(N, 0, 10, 5)", "sign(I)"],
    "T": ["upper(T)", "lower(T)", "ucase(T)", "lcase(T)", "trim(T)", "ltrim(T)", "rtrim(T)", "btrim(T)", "trim(BOTH 'a' FROM T)", "initcap(T)", "reverse(T)",
          "concat(T, T)", "T || '-' || T", "concat_ws(',', T, T)", "concat_ws('-', W, T)", "substring(T, L, L)", "substr(T, L)", "substring(T FROM L FOR L)",
          "left(T, L)", "right(T, L)", "lpad(T, L, '*')", "rpad(T, 8, 'ab')", "repeat(T, L)", "replace(T, 'a', 'bb')", "translate(T, 'abc', 'xy')",
          "regexp_replace(T, P, '<$0>')", "regexp_extract(T, P, 0)", "regexp_extract(T, '(\\\\w)(\\\\w*)', 2)", "split(T, P)[0]", "split_part(T, ' ', L)",
          "substring_index(T, ' ', L)", "CAST(N AS STRING)", "CAST(I AS STRING)", "CAST(B AS STRING)", "CAST(D AS STRING)", "CAST(M AS STRING)",
          "string(N)", "date_format(D, F)", "date_format(M, F)", "md5(T)", "sha1(T)", "sha2(T, 256)", "hex(T)", "hex(I)", "bin(I)", "conv(T, 10, 16)",
          "base64(T)", "soundex(T)", "coalesce(T, 'none')", "nullif(T, 'fig')", "nvl(T, T)", "if(B, T, 'no')", "CASE WHEN B THEN T ELSE 'z' END",
          "CASE T WHEN 'fig' THEN 'F' WHEN 'kiwi' THEN 'K' END", "greatest(T, T)", "least(T, T)", "format_number(N, L)", "chr(I)", "space(L)",
          "array_join(W, '+')", "array_join(W, '+', '?')", "W[0]", "element_at(W, 1)", "element_at(W, -1)", "from_unixtime(I)", "overlay(T PLACING '_' FROM 2)",
          "concat(T, N)", "array_min(W)", "array_max(W)", "regexp_extract_all(T, P, 0)[0]", "decode(T, 'fig', 'one', 'other')",
          "CAST(CAST(N AS DECIMAL(10,2)) AS STRING)", "dayname(D)"],
    "B": ["N > N", "N >= L", "N < N", "N <= N", "N = N", "N <> N", "N != L", "N <=> N", "I = L", "I > I", "T = T", "T < T", "T <=> T", "T = 'fig'",
          "B AND B", "B OR B", "NOT B", "!B", "N IS NULL", "T IS NULL", "N IS NOT NULL", "isnull(T)", "isnotnull(N)", "isnan(N)", "T LIKE '%a%'", "T LIKE '_i%'",
          "T NOT LIKE 'f%'", "T ILIKE 'F%'", "T RLIKE P", "regexp_like(T, P)", "N BETWEEN L AND L", "N NOT BETWEEN N AND N", "I IN (1, 2, 3)",
          "T IN ('fig', 'kiwi', '')", "T NOT IN ('fig', NULL)", "N IN (0, 1.5)", "startswith(T, 'f')", "endswith(T, 'i')", "contains(T, 'a')",
          "array_contains(W, 'gate')", "B = B", "D > D", "D = DATE'2005-06-07'", "M < M", "B IS TRUE", "B IS NOT FALSE", "CAST(T AS BOOLEAN)", "CAST(N AS BOOLEAN)",
          "arrays_overlap(W, W)", "D >= '2010-01-01'", "N > '1'", "coalesce(B, false)", "if(B, B, true)", "boolean(I)", "isnan(N) OR B", "M > D"],
    "D": ["date_add(D, I)", "date_sub(D, L)", "add_months(D, L)", "last_day(D)", "next_day(D, 'Mon')", "trunc(D, U)", "to_date(T)", "CAST(T AS DATE)",
          "CAST(M AS DATE)", "date(M)", "make_date(2020, L, L)", "D + INTERVAL 3 DAYS", "D - INTERVAL 1 MONTH", "coalesce(D, DATE'2000-01-01')",
          "if(B, D, D)", "to_date(T, F)", "greatest(D, D)", "date_from_unix_date(I)"],
    "M": ["to_timestamp(T)", "CAST(D AS TIMESTAMP)", "CAST(T AS TIMESTAMP)", "timestamp(D)", "date_trunc(U, M)", "M + INTERVAL 90 MINUTES",
          "M - INTERVAL 1 DAY", "timestamp_seconds(I)", "from_utc_timestamp(M, 'Asia/Tokyo')", "to_utc_timestamp(M, 'America/New_York')",
          "coalesce(M, TIMESTAMP'2000-01-01 00:00:00')", "least(M, M)", "timestamp_millis(I)", "CAST(I AS TIMESTAMP)"],
    "W": ["split(T, P)", "split(T, ' ', L)", "array(T, T)", "sort_array(W)", "sort_array(W, false)", "array_distinct(W)", "array_union(W, W)",
          "array_except(W, W)", "array_intersect(W, W)", "array_remove(W, 'gate')", "slice(W, 1, L)", "reverse(W)", "concat(W, W)",
          "array_repeat(T, L)", "coalesce(W, array('none'))", "regexp_extract_all(T, P, 0)", "flatten(array(W, W))"],
}
PATTERNS = ["' '", "'[aeiou]+'", "'\\\\s+'", "'\\\\d+'", "'(?i)g.'", "'\\\\W'", "'[^a-z]'", "'^.'", "'\\\\p{Lu}'", "'-|,'"]
FORMATS = ["'yyyy-MM-dd'", "'dd/MM/yyyy'", "'yyyyMMdd'", "'HH:mm:ss'", "'yyyy-MM-dd HH:mm:ss.SSS'", "'MMM d, yyyy'", "'EEEE'", "'D'", "'yy Q'"]
UNITS = ["'year'", "'month'", "'quarter'", "'week'", "'MM'", "'yy'"]
AGGREGATES = ["count(*)", "count(N)", "count(DISTINCT T)", "sum(N)", "sum(I)", "avg(N)", "mean(I)", "min(N)", "max(N)", "min(T)", "max(T)", "stddev(N)",
              "stddev_pop(N)", "variance(N)", "var_pop(N)", "first(T)", "last(N)", "sum(I) + 1", "max(D)", "count_if(B)", "any(B)", "every(B)",
              "sum(DISTINCT I)", "avg(N) / count(*)"]


class Grammar:
    def __init__(self, d):
        self.d, self.r = d, d.r
        self.of = {"N": [], "I": [], "T": [], "B": [], "D": [], "M": [], "W": []}
        for c in d.columns:
            self.of.get(kind_of(c.type), []).append(f"`{c.name}`" if d.chance(0.1) else c.name)

    def literal(self, kind):
        return self.r.choice({
            "N": ["0.0D", "1.5D", "-2.0D", "10.0D", "0.1D", "1e3D"], "I": ["0", "1", "7", "-3", "100"], "T": ["'fig'", "'a b'", "''", "'Gate'", "'12'"],
            "B": ["true", "false"], "D": ["DATE'2020-02-29'", "DATE'1999-12-31'"], "M": ["TIMESTAMP'2020-02-29 12:34:56'"],
            "W": ["array('gate', 'x')"]}[kind] + (["NULL"] if self.d.chance(0.02) else []))

    def leaf(self, kind):
        known = self.of[kind]
        if kind == "N" and self.of["I"] and self.d.chance(0.2):
            known = self.of["I"]
        return self.r.choice(known) if known and self.d.chance(0.85) else self.literal(kind)

    def expr(self, kind, depth):
        if depth == 0 or self.d.chance(0.15):
            return self.leaf(kind)
        return self.fill(self.r.choice(FUNCTIONS[kind]), depth)

    def fill(self, form, depth):
        out, quoted = [], False
        for i, ch in enumerate(form):
            if ch == "'":
                quoted = not quoted
            around = form[i - 1:i] + form[i + 1:i + 2]
            alone = not any(a.isalnum() or a in "_'" for a in around)
            if quoted or ch not in "NILTBDMWPFU" or not alone:
                out.append(ch)
            elif ch == "L":
                out.append(self.r.choice(["0", "1", "2", "3", "5", "-1"]))
            elif ch in "PFU":
                out.append(self.r.choice({"P": PATTERNS, "F": FORMATS, "U": UNITS}[ch]))
            else:
                inner = self.expr(ch, depth - 1)
                out.append(f"({inner})" if " " in inner and not inner.endswith(")") else inner)
        return "".join(out)

    def any(self, depth):
        return self.expr(self.r.choice("NNNIIITTTTBBDMW"), depth)


def kind_of(name):
    if name in ("double", "float") or name.startswith("decimal"):
        return "N"
    return {"string": "T", "boolean": "B", "date": "D", "timestamp": "M", "array<string>": "W"}.get(name, "I" if name in WHOLE else None)


def prepare(d):
    while len({kind_of(c.type) for c in d.columns}) < 4 or d.chance(0.5):
        d.raw(d.r.choice(["number", "number", "category", "text", "flag", "words", "day", "moment"]))
    return Grammar(d)


def statement(d):
    """A SELECT that keeps rows apart."""
    g = prepare(d)
    names = [d.name("q") for _ in range(d.r.choice([1, 2, 4, 8]))]
    chosen = ", ".join(f"{g.any(d.r.choice([1, 1, 2, 3]))} {'AS ' if d.chance(0.8) else ''}{name}" for name in names)
    star = "*, " if d.chance(0.85) else "".join(f"{c.name}, " for c in d.columns if d.chance(0.5))
    where = f" WHERE {g.expr('B', 2)}" if d.chance(0.2) else ""
    text = f"SELECT {star}{chosen} FROM __THIS__{where}"
    d.renamed = d.renamed or not star.startswith("*")
    return SQLTransformer(statement=text), {}


def groups(d):
    """A SELECT over the whole table; the last stage."""
    g = prepare(d)
    by = [c for c in d.columns if c.role in ("category", "flag", "code", "index", "id")][:d.r.choice([0, 1, 1, 2])]
    chosen = [c.name for c in by] + [f"{g.fill(d.r.choice(AGGREGATES), 1)} AS {d.name('g')}" for _ in range(d.r.choice([1, 3, 5]))]
    where = f" WHERE {g.expr('B', 1)}" if d.chance(0.3) else ""
    tail = f" GROUP BY {', '.join(c.name for c in by)}" if by else ""
    having = " HAVING count(*) > 1" if by and d.chance(0.2) else ""
    return SQLTransformer(statement=f"SELECT {', '.join(chosen)} FROM __THIS__{where}{tail}{having}"), {}
