"""Cases: statements of SQLTransformer. Every form of the fuzz's grammar is asked once here, over columns with all that is odd."""
import datetime
import random

from pyspark.ml.feature import SQLTransformer

from casebook import INF, NAN, case, frame
from sql import AGGREGATES, FORMATS, FUNCTIONS, PATTERNS, UNITS

D, M = datetime.date, datetime.datetime
SCHEMA = ("x double, y double, f float, n int, k bigint, h smallint, s string, t string, b boolean, c boolean, d date, e date, m timestamp, "
          "w array<string>, z array<string>")
ROWS = [
    [1.5, -2.0, 0.5, 7, 10, 3, "fig", "kiwi", True, False, D(2024, 2, 29), D(2005, 6, 7), M(2024, 2, 29, 23, 59, 59, 999999), ["gate", "dam"], ["dam"]],
    [0.0, 0.0, -1.25, 0, 0, 0, "", "a b", False, False, D(1970, 1, 1), D(1969, 12, 31), M(1970, 1, 1), [], ["x", "gate", "x"]],
    [-0.0, 1e300, 0.0, -1, -1, -1, " Fig ", "12", True, True, D(1999, 12, 31), D(2000, 1, 1), M(1969, 12, 31, 23, 59, 59, 500000), ["b", "a", "b"], ["b"]],
    [NAN, 3.0, NAN, 2147483647, 9223372036854775807, 32767, "ß", "-7", True, None, D(2021, 1, 3), D(2020, 2, 29), M(2000, 12, 31, 12), ["ß"], []],
    [INF, -INF, 1e10, -2147483648, -9223372036854775808, -32768, "İstanbul 😀", "1e3", False, True, D(1582, 10, 15), D(1, 1, 1),
     M(2038, 1, 19, 3, 14, 8), ["é", "e"], ["é"]],
    [None, None, None, None, None, None, None, None, None, None, None, None, None, None, None],
    [2.5, 0.1, 2.5, 3, 100, 5, "The Gate, the dam", "2024-02-29", True, True, D(2012, 12, 30), D(2013, 1, 1), M(2013, 3, 31, 1, 30, 0, 120000),
     [None, "gate"], ["gate", None]],
    [-3.7, 12.0, 3.25, 12, 12, 12, "x-y,z", "true", False, False, D(9999, 12, 31), D(2024, 12, 31), M(2024, 12, 31, 5, 6, 7), ["a", "bb", "ccc"], ["bb", "d"]],
    [0.5, 2.0, -0.5, 5, 7, 2, "a1 b22", "2024-02-29 12:34:56", True, False, D(2024, 3, 1), D(2024, 1, 31), M(2024, 1, 31, 0, 0, 1), ["Gate"], ["gate"]],
]
COLUMNS = {"N": ["x", "y", "f"], "I": ["n", "k", "h"], "T": ["s", "t"], "B": ["b", "c"], "D": ["d", "e"], "M": ["m"], "W": ["w", "z"]}
NAMES = {"N": "numbers", "I": "whole", "T": "text", "B": "truth", "D": "dates", "M": "moments", "W": "lists"}
# Columns a statement: in ANSI mode one refusal hides the rest of its row.
COLUMNS_MAX = 12


def filled(form, r):
    """The form over columns alone."""
    out, quoted, used = [], False, {}
    for i, ch in enumerate(form):
        quoted ^= ch == "'"
        alone = not any(a.isalnum() or a in "_'" for a in form[i - 1:i] + form[i + 1:i + 2])
        if quoted or ch not in "NILTBDMWPFU" or not alone:
            out.append(ch)
        elif ch in "LPFU":
            out.append(r.choice({"L": ["1", "2", "3"], "P": PATTERNS, "F": FORMATS, "U": UNITS}[ch]))
        else:
            names = COLUMNS[ch]
            used[ch] = used.get(ch, r.randrange(len(names))) + 1
            out.append(names[used[ch] % len(names)])
    return "".join(out)


def understood(expression):
    """Whether this Spark has such a function."""
    try:
        frame(SCHEMA, []).selectExpr(expression).schema
        return True
    except Exception:
        return False


def statement(forms, seed):
    r = random.Random(seed)
    # Newer functions are asked where they are there.
    chosen = [e for e in (filled(form, r) for form in forms) if understood(e)]
    text = "SELECT *, " + ", ".join(f"{e} AS q{i}" for i, e in enumerate(chosen)) + " FROM __THIS__"
    return SQLTransformer(statement=text), SCHEMA, ROWS


for KIND, FORMS in FUNCTIONS.items():
    for FIRST in range(0, len(FORMS), COLUMNS_MAX):
        PART = FORMS[FIRST:FIRST + COLUMNS_MAX]
        @case(f"sql-{NAMES[KIND]}-{FIRST // COLUMNS_MAX + 1}", "SQL: " + "; ".join(PART), s4=True, tolerance={"rel": 1e-12, "abs": 1e-12})
        def _(part=PART, seed=FIRST):
            return statement(part, seed)


@case("sql-where", "rows that the condition does not hold for are dropped, and so are those that it is null for", s4=True)
def _():
    return SQLTransformer(statement="SELECT *, x + n AS q FROM __THIS__ WHERE x > 0 AND s <> 'ß'"), SCHEMA, ROWS


@case("sql-project", "columns chosen, renamed, and one under a name that was there", whole_table=True)
def _():
    return SQLTransformer(statement="SELECT n, x AS `a b`, upper(s) s, t AS n2 FROM __THIS__"), SCHEMA, ROWS


@case("sql-qualified", "names with the table's", s4=True)
def _():
    return SQLTransformer(statement="select __THIS__.*, __THIS__.x * 2 as q, N as Q2 from __THIS__"), SCHEMA, ROWS


GROUPED = [r for r in ROWS if r[3] not in (2147483647, -2147483648)] * 2
for FIRST in range(0, len(AGGREGATES), COLUMNS_MAX):
    PART = AGGREGATES[FIRST:FIRST + COLUMNS_MAX]
    @case(f"sql-aggregates-{FIRST // COLUMNS_MAX + 1}", "SQL over groups: " + "; ".join(PART), s4=True, whole_table=True, unordered=True,
          tolerance={"rel": 1e-12, "abs": 1e-12})
    def _(part=PART, seed=FIRST):
        r = random.Random(seed)
        chosen = [e for e in (filled(form, r) for form in part) if understood(e)]
        text = "SELECT b, " + ", ".join(f"{e} AS q{i}" for i, e in enumerate(chosen)) + " FROM __THIS__ GROUP BY b"
        return SQLTransformer(statement=text), SCHEMA, GROUPED


@case("sql-group-all", "the whole table in a row, and a condition on it", s4=True, whole_table=True, unordered=True)
def _():
    return SQLTransformer(statement="SELECT count(*) AS n, sum(n) AS t, max(s) AS s FROM __THIS__ HAVING count(*) > 1"), SCHEMA, GROUPED


@case("sql-group-two", "two keys, one of them computed; null is a key", whole_table=True, unordered=True)
def _():
    text = "SELECT b, length(s) AS l, count(*) AS n FROM __THIS__ WHERE x IS NOT NULL GROUP BY b, length(s)"
    return SQLTransformer(statement=text), SCHEMA, ROWS


