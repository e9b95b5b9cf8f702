"""Sums and differences of up to three digits, the times table, exact divisions of it."""
from ..dialogue import Turn
from ..draw import Draw
from ..wording import worded
from ..words import FRUITS, NAMES

SPOKEN = {"+": ["plus", "and"], "-": ["minus"], "*": ["times", "multiplied by"], "/": ["divided by"]}
SIGNS = {"*": ["*", "*", "x", "×"], "/": ["/", "/", "÷"]}
FULL = ["What is {e}?", "{e}", "{e} = ?", "{e}=", "{e} =", "Calculate {e}.", "How much is {e}?", "Compute {e}", "What is {e}?", "Solve {e}", "Can you add up {e}?",
        "What is the result of {e}?", "Calculate: {e}", "What does {e} equal?", "What is {s}?", "How much is {s}?", "{s}?", "What's {e}?"]
MORE_FULL = ["What do you get for {e}?", "Find {e}.", "Evaluate {e}.", "Tell me {e}.", "Please calculate {e}", "I want to know {e}.", "What is the answer to {e}?",
             "Can you calculate {e}?", "Can you solve {e}?", "Could you tell me what {e} is?", "Do you know what {e} is?", "Give me the answer to {e}.", "What number is {e}?",
             "I have to calculate {e}. What is the answer?", "The question is {e}. What is the answer?", "Help me with {e}.", "Do the sum {e}.", "{e} is what?", "{e} makes what?",
             "What is the outcome of {e}?", "My teacher asks: {e}.", "I am learning to calculate: {e}?", "Tell me how much {e} is.", "What would {e} be?", "How much would {e} be?",
             "What do {s} make?", "Please tell me what {s} is.", "Let us calculate {e}.", "Let's do maths: {e}", "Math: {e}", "{e}, please.", "And {e}?", "The sum is {e}. Solve it."]
SHORT = ["What is {e}? Only the number.", "{e}. Reply with the number only.", "Give me only the result of {e}.",
         "What is {e}? Answer with just the number.", "Only the number, please: {e}", "What is {e}? Reply with only the number."]
WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty""".split()
UNSEEN = ["Work out {e} for me.", "I need the value of {e} now.", "My homework says {e}. What do I write?"]
STORIES = [
    ("+", "I have {a} {f} and buy {b} more. How many {f} do I have?", "You have {r} {f}."),
    ("+", "{n} has {a} {f} and gets {b} more. How many {f} does {n} have now?", "{n} has {r} {f}."),
    ("-", "I have {a} {f} and eat {b} of them. How many {f} are left?", "There are {r} {f} left."),
    ("-", "{n} has {a} {f} and gives away {b}. How many {f} does {n} have left?", "{n} has {r} {f} left."),
    ("*", "There are {a} boxes with {b} {f} each. How many {f} are there?", "There are {r} {f}."),
]
TOO_HARD = "That sum is too hard for me. I am a very small model."


def _operands(draw: Draw, op):
    """Two numbers; those of sums and differences lie on one side of the split."""
    if op == "*":
        small, other = draw.randint(0, 12), draw.randint(0, 12) if draw.chance(0.6) else draw.randint(0, 99)
        a, b = (small, other) if other < 13 or small < 10 else (small % 10, other)
        return (a, b) if draw.chance(0.5) else (b, a)
    if op == "/":
        b, r = draw.randint(1, 12), draw.randint(0, 12)
        return b * r, b
    def pair():
        top = draw.rng.choices([9, 99, 999], [1, 5, 4])[0]
        other = top if draw.chance(0.6) else draw.choice([9, 99, 999])
        x, y = draw.randint(0, top), draw.randint(0, other)
        if draw.chance(0.05):  # many carries
            x, y = draw.choice([9, 99, 999, 100, 990, 199]), draw.randint(0, 99)
        return (x, y) if draw.chance(0.5) else (y, x)
    return draw.split("operands", pair, lambda p: (op, *(sorted(p) if op == "+" else p)))




def _value(op, a, b):
    return a + b if op == "+" else a - b if op == "-" else a * b if op == "*" else a // b


def _columns(op, a, b):
    """Column by column from the right, with carries: the thought behind a sum or a difference of a >= b."""
    names, carry, steps = ["Ones", "Tens", "Hundreds"], 0, []
    for i in range(len(str(max(a, b)))):
        x, y = a // 10**i % 10, b // 10**i % 10
        if op == "+":
            v = x + y + carry
            steps.append(f"{names[i]}: {x} + {y}" + (" + 1" if carry else "") + f" = {v}")
            carry = v > 9
        else:
            v = x - y - carry
            steps.append(f"{names[i]}: " + (f"1{x}" if v < 0 else f"{x}") + f" - {y}" + (" - 1" if carry else "") + f" = {v % 10}")
            carry = v < 0
    return ". ".join(steps) + ". "


def _thought(op, a, b, e, r):
    if op == "-" and b > a:
        return f"{b} is more than {a}. {_columns('-', b, a)}{b} - {a} = {b - a}. So {e} = {r}."
    return (_columns(op, a, b) if op in "+-" else "") + f"So {e} = {r}."


def _too_hard(draw: Draw):
    kind = draw.randint(0, 2)
    big = lambda: draw.randint(1000, 10 ** draw.randint(4, 9))
    if kind == 0:
        e = f"{draw.randint(13, 999)} * {draw.randint(100, 9999)}"
    elif kind == 1:
        e = f"{big()} {draw.choice('+-*/')} {draw.choice([big(), draw.randint(1, 9999)])}"
    else:
        e = f"{draw.randint(13, 99)} {draw.choice(['*', 'x', 'times'])} {draw.randint(13, 99)}"
    q = worded(draw, FULL[:8], careful=True, e=e, s=e)
    return Turn(q, TOO_HARD, "The numbers are too large for me.")


def arithmetic(draw: Draw, op=None, digits=None):
    if op is None and draw.chance(0.07) and not draw.held:
        return _too_hard(draw)
    told = op is None and not draw.unseen and draw.chance(0.08)
    op = op or draw.choice("+++++----**/")
    if told:
        op, question, reply = draw.choice(STORIES)
    while True:
        a, b = _operands(draw, op)
        if (not told or (0 < b <= a)) and (digits is None or max(len(str(a)), len(str(b))) == digits):
            break
    r, e = _value(op, a, b), f"{a} {op} {b}"
    thought = _thought(op, a, b, e, r)
    if told:
        values = dict(a=a, b=b, r=r, f=draw.choice(FRUITS), n=draw.choice(NAMES))
        return Turn(question.format(**values), reply.format(**values), thought)
    sign = draw.choice(SIGNS.get(op, [op]))
    written = f"{a}{sign}{b}" if draw.chance(0.2) else f"{a} {sign} {b}"
    short = draw.chance(0.2)
    x, y = (WORDS[a], WORDS[b]) if max(a, b) <= 20 and draw.chance(0.15) else (a, b)
    spoken = f"{x} {draw.choice(SPOKEN[op])} {y}"
    user = worded(draw, SHORT if short else FULL if draw.chance(0.65) else MORE_FULL, UNSEEN, e=written if x == a else spoken, s=spoken)
    return Turn(user, str(r) if short and not draw.unseen else f"{e} = {r}", thought)
