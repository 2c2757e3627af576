"""A pipeline under construction: its columns, the rows it is trained on and those it will be asked."""
import datetime
import random

from pyspark.ml.linalg import Vectors

NAN, INF = float("nan"), float("inf")
TRAINED, ASKED = 44, 30

WORDS = ["dam", "weir", "lock", "Gate", "gate", "ß", "İ", "sluice", "river", "and", "The", "not", "a1", "x-y", "été", "日本"]
KINDS = ["kiwi", "fig", "Fig", "ß", "", "10", "9", "é", "z z"]
TEXTS = ["", " ", "\t", "İstanbul'da ISPARTA ılık", "STRASSE Straße ẞ", "ΟΔΥΣΣΕΥΣ ΣΑΣ σας", "non\u00a0breaking\u00a0space",
         "tab\tand\nnewline\r\nhere", "  two  leading and trailing  ", "naïve cafe\u0301 CAFÉ", "emoji 😀😀 𝔘nicode", "a,b;c d-e_f",
         "\u0085next\u2028line", "vertical\x0btab\x0cfeed\x1cunit", "日本語 テキスト", "x1 22 333x 4", "it's Anna's", "2024-02-29",
         "12.5", "-7", "1e3", "true", "NaN", "100%_done\\x"]
ODD = {
    "double": [None, NAN, INF, -INF, -0.0, 0.0, 1e300, -1e300, 5e-324, 2147483648.0, 0.5, 1e-7, 123456789.125],
    "float": [None, NAN, INF, -INF, -0.0, 0.0, 3.0e38, 1.401298464324817e-45, 0.5],
    "int": [None, 0, -1, 2147483647, -2147483648, 99],
    "bigint": [None, 0, -1, 9007199254740993, 9223372036854775807, -9223372036854775808],
    "smallint": [None, 0, -1, 32767, -32768],
    "tinyint": [None, 0, -1, 127, -128],
    "boolean": [None, True, False],
    "string": [None, "unseen", "", " fig", "FIG", "\uffee", "😀"],
    "date": [None, datetime.date(1970, 1, 1), datetime.date(1582, 10, 15), datetime.date(9999, 12, 31), datetime.date(2024, 2, 29),
             datetime.date(1969, 12, 31), datetime.date(1, 1, 1), datetime.date(2021, 1, 3)],
    "timestamp": [None, datetime.datetime(1970, 1, 1), datetime.datetime(2024, 2, 29, 23, 59, 59, 999999),
                  datetime.datetime(1969, 12, 31, 23, 59, 59, 500000), datetime.datetime(2000, 12, 31, 12, 0, 0, 120000)],
}


class Column:
    """A column that stages may read: `role` says what it is good for, `type` is Spark's."""

    def __init__(self, name, kind, role):
        self.name, self.type, self.role = name, kind, role

    def __repr__(self):
        return f"{self.name} {self.type}"


class Draft:
    """Draws everything from its seed; `lab` fits what is drawn and tells the values of training."""

    def __init__(self, seed, lab):
        self.r, self.seed, self.lab = random.Random(seed), seed, lab
        self.inputs, self.columns, self.hidden = [], [], []
        self.trained, self.asked, self.metadata = {}, {}, {}
        self.names = 0
        self.sets, self.renamed = [], False
        self.dirt = self.r.choice([0.0, 0.05, 0.1, 0.1, 0.25])

    # === Drawing ==========================================================================

    def chance(self, share):
        return self.r.random() < share

    def name(self, stem):
        self.names += 1
        return f"{stem}{self.names}"

    def values(self, column):
        """The values that the column has in training."""
        return self.lab.values(column.name)

    def size(self, column):
        """The size of a vector column; none where it differs or is too large to play with."""
        sizes = {len(v) for v in self.values(column) if v is not None}
        return sizes.pop() if len(sizes) == 1 else None

    def pick(self, *roles, fresh=0.2, where=None):
        """A column of one of the roles: mostly one that is there, the later the likelier."""
        there = [c for c in self.columns if c.role in roles and (where is None or where(c))]
        if there and not self.chance(fresh):
            return self.r.choices(there, [2 + i for i in range(len(there))])[0]
        able = [role for role in roles if role in RAW]
        return self.raw(self.r.choice(able)) if able else (self.r.choice(there) if there else None)

    def several(self, count, *roles, fresh=0.35, where=None):
        found = []
        for _ in range(3 * count):
            column = self.pick(*roles, fresh=fresh, where=where)
            if column is not None and column not in found:
                found.append(column)
            if len(found) == count:
                break
        return found

    def vector(self, large=64, **facts):
        """A vector column of a known size that is not too large."""
        for _ in range(6):
            column = self.pick("vector", **facts)
            size = column and self.size(column)
            if size and size <= large:
                return column, size
        column = self.raw("vector")
        return column, self.size(column)

    # === Columns of the input =============================================================

    def raw(self, role):
        kind, clean = RAW[role]
        kind = self.r.choice(kind) if isinstance(kind, list) else kind
        column = Column(self.name(role[0]), kind, role)
        maker = clean(self, kind)
        self.trained[column.name] = [maker() for _ in range(TRAINED)]
        self.asked[column.name] = [self.soiled(kind, maker) for _ in range(ASKED)]
        if kind == "vector" and self.chance(0.75):
            size = max(len(v) for v in self.trained[column.name])
            self.metadata[column.name] = {"ml_attr": {"num_attrs": size}}
        self.inputs.append(column)
        self.columns.append(column)
        self.lab.add(column, self.trained[column.name], self.metadata.get(column.name))
        return column

    def label(self, classes=None, positive=False, text=False):
        """A column for training alone."""
        column = Column(self.name("label"), "string" if text else "double", "label")
        draw = {
            True: lambda: float(self.r.randrange(classes or 2)),
            False: lambda: round(abs(self.r.gauss(3, 2)) + 0.1, 3) if positive else round(self.r.gauss(1, 3), 3),
        }[classes is not None]
        values = [draw() for _ in range(TRAINED)]
        for i in range(classes or 0):
            values[i] = float(i)
        if text:
            values = ["no" if v == 0 else "yes" for v in values]
        self.hidden.append(column)
        self.lab.add(column, values, None)
        return column.name

    def soiled(self, kind, maker):
        value = maker()
        if not self.chance(self.dirt):
            return value
        if kind == "vector":
            return self.soiled_vector(value)
        if kind.startswith("array<"):
            item = kind[6:-1]
            return self.r.choice([None, [], [None], value + [self.r.choice(ODD[item])], value * 3, value[:1]])
        return self.r.choice(ODD[kind] + (TEXTS if kind == "string" else []))

    def soiled_vector(self, value):
        size, r = len(value), self.r
        odd = r.choice([NAN, INF, -INF, -0.0, 1e300, -1e-300, -3.0, 0.5])
        at = r.randrange(size)
        numbers = list(value.toArray())
        changed = numbers[:at] + [odd] + numbers[at + 1:]
        return r.choice([
            lambda: None, lambda: Vectors.dense([0.0] * size), lambda: Vectors.sparse(size, []), lambda: Vectors.dense(changed),
            lambda: Vectors.sparse(size, [(at, odd)]), lambda: Vectors.sparse(size, [(i, numbers[i]) for i in range(size)]),
            lambda: Vectors.dense(numbers[:-1] or [1.0, 2.0]), lambda: Vectors.dense(numbers + [1.0]),
            lambda: Vectors.sparse(size + 2, [(size + 1, 2.0)]), lambda: Vectors.dense(changed), lambda: Vectors.dense(changed),
        ])()


# === What the columns hold ================================================================

def numbers(d, kind):
    scale, shift = d.r.choice([1, 3, 20]), d.r.choice([0, 0, 5])
    if kind == "double":
        return lambda: round(d.r.gauss(shift, scale), d.r.choice([0, 1, 2, 3]))
    if kind == "float":
        return lambda: d.r.randrange(-64, 64) / 8
    return lambda: d.r.randrange(-3, 12)


def texts(d, _):
    return lambda: d.r.choice(TEXTS) if d.chance(0.25) else " ".join(d.r.choice(WORDS) for _ in range(d.r.randrange(1, 7)))


def categories(d, _):
    kinds = d.r.sample(KINDS, d.r.randrange(2, 6))
    return lambda: d.r.choice(kinds)


def words(d, kind):
    item = kind[6:-1]
    one = {"string": lambda: d.r.choice(WORDS), "int": lambda: d.r.randrange(-2, 9), "bigint": lambda: d.r.randrange(0, 9) * 10 ** 9,
           "double": lambda: d.r.randrange(0, 9) / 4, "boolean": lambda: d.chance(0.5), "float": lambda: d.r.randrange(0, 9) / 4}[item]
    return lambda: [one() for _ in range(d.r.randrange(0, 7))]


def vectors(d, _):
    size, zeros = d.r.choice([1, 2, 3, 4, 5, 8]), d.r.choice([0.0, 0.2, 0.7])
    style = d.r.choice(["any", "any", "counts", "small", "flags"])
    one = {"any": lambda: round(d.r.gauss(0, 2), 2), "counts": lambda: float(d.r.randrange(0, 6)),
           "small": lambda: float(d.r.randrange(-1, 3)), "flags": lambda: float(d.r.randrange(2))}[style]

    def make():
        values = [0.0 if d.chance(zeros) else one() for _ in range(size)]
        if d.chance(0.35):
            return Vectors.sparse(size, [(i, v) for i, v in enumerate(values) if v != 0.0 or d.chance(0.2)])
        return Vectors.dense(values)
    return make


def codes(d, _):
    count = d.r.randrange(2, 6)
    return lambda: float(d.r.randrange(count))


def ids(d, _):
    return lambda: d.r.randrange(0, 8)


def days(d, _):
    return lambda: datetime.date(1995, 1, 1) + datetime.timedelta(days=d.r.randrange(0, 14000))


def moments(d, _):
    return lambda: datetime.datetime(1999, 3, 1) + datetime.timedelta(seconds=d.r.randrange(0, 10 ** 9), microseconds=d.r.choice([0, 0, 250000, 7]))


RAW = {
    "number": (["double", "double", "double", "float", "int", "bigint", "smallint", "tinyint"], numbers),
    "text": ("string", texts),
    "category": ("string", categories),
    "flag": ("boolean", lambda d, _: lambda: d.chance(0.4)),
    "words": (["array<string>"] * 5 + ["array<int>", "array<bigint>", "array<double>", "array<boolean>", "array<float>"], words),
    "vector": ("vector", vectors),
    "code": (["double", "double", "int"], lambda d, k: (lambda f: f if k == "double" else lambda: int(f()))(codes(d, k))),
    "id": (["int", "int", "bigint", "double"], lambda d, k: (lambda f: f if k != "double" else lambda: float(f()))(ids(d, k))),
    "day": ("date", days),
    "moment": ("timestamp", moments),
}
