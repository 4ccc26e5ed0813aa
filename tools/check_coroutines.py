#!/usr/bin/python3
"""Check the one thing that g++ 12 gets wrong about coroutines: what is made by braces, or by a lambda, inside the full
expression of a co_await is destroyed twice (or the compiler itself breaks). `co_await f(Options{a, b})` corrupts memory;

    auto step = f(Options{a, b});
    co_await std::move(step);

does not. Braces of a class with a constructor happen to be safe, but no reader can see the difference.
One line per offence, with file and line; exit status 1 if there is any.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIRECTORIES = ("src", "sim", "tests", "bench")

OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = set(OPENING.values())
# What is no code: comments and literals, raw ones included.
SKIPPED = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^()\s\\]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![\w])\'(?:\\.|[^\'\\\n])+\'',
                     re.DOTALL)
WORD_BEFORE = re.compile(r"(\w+)\s*$")
CONTROL = re.compile(r"\b(if|while|for|switch|catch|if\s+constexpr)\s*$")
# A word before a brace that opens a block, not a value.
BLOCK_WORDS = {"else", "do", "try", "mutable", "noexcept", "const", "override", "final"}
TRAILING_TYPE = re.compile(r"->[^;{}()]*$")
VALUE_WORDS = {"return", "co_return", "co_yield", "co_await", "throw", "case"}


def without_literals(text):
    """The same text, same length and lines, with comments and literals blanked."""
    return SKIPPED.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def matching(code):
    """For every bracket the position of its partner, and for every opening one that of the bracket around it."""
    partner, parent, stack = {}, {}, []
    for at, char in enumerate(code):
        if char in OPENING:
            parent[at] = stack[-1] if stack else None
            stack.append(at)
        elif char in CLOSING and stack and OPENING[code[stack[-1]]] == char:
            opened = stack.pop()
            partner[opened], partner[at] = at, opened
    return partner, parent


def opens_block(code, at):
    """Whether the brace at this position opens a block of statements, and not a value."""
    before = code[:at].rstrip()
    if not before or before[-1] in ")];{}:":
        return True
    word = WORD_BEFORE.search(before)
    if word and word.group(1) in BLOCK_WORDS:
        return True
    return TRAILING_TYPE.search(before) is not None


def is_lambda(code, at):
    """Whether the bracket at this position introduces a lambda, and is neither a subscript nor an attribute."""
    before = code[:at].rstrip()
    if code[at + 1:at + 2] == "[" or before.endswith("["):
        return False
    word = WORD_BEFORE.search(before)
    if word:
        return word.group(1) in VALUE_WORDS
    return not before or before[-1] not in ")]>\""


def enclosing(at, parent, partner):
    """The innermost bracket that is open at this position."""
    inner = None
    for opened in parent:
        if opened < at <= partner.get(opened, opened) and (inner is None or opened > inner):
            inner = opened
    return inner


def full_expression(code, at, partner, parent):
    """(begin, end) of the full expression that a co_await at this position is part of."""
    scope = enclosing(at, parent, partner)
    while scope is not None:
        if code[scope] == "(" and CONTROL.search(code[:scope]):
            break
        if code[scope] == "{" and opens_block(code, scope):
            break
        at, scope = scope, parent[scope]
    begin = at
    while begin > 0 and begin - 1 != scope:
        char = code[begin - 1]
        if char == ";" or (char == "}" and opens_block(code, partner.get(begin - 1, 0))):
            break
        begin = partner.get(begin - 1, begin - 1) if char in CLOSING else begin - 1
    end = at
    limit = partner.get(scope, len(code)) if scope is not None else len(code)
    while end < limit and code[end] != ";":
        if code[end] == "{" and opens_block(code, end) and not code[:end].rstrip().endswith("]"):
            break
        end = partner.get(end, end) + 1 if code[end] in OPENING else end + 1
    return begin, end


def offences(text):
    """(line, what) for every dangerous co_await in the text of a source file."""
    code = without_literals(text)
    partner, parent = matching(code)
    for found in re.finditer(r"\bco_await\b", code):
        begin, end = full_expression(code, found.start(), partner, parent)
        line = code.count("\n", 0, found.start()) + 1
        what = None
        for at in range(begin, end):
            if code[at] == "[" and is_lambda(code, at):
                what = "a lambda"
            elif code[at] == "{" and what is None:
                what = "a value in braces"
        if what:
            yield line, what


def main():
    found = []
    for directory in DIRECTORIES:
        for path in sorted((ROOT / directory).rglob("*")):
            if path.suffix in (".h", ".cpp"):
                found += [f"{path.relative_to(ROOT)}:{line}: {what} inside the expression of a co_await, which g++ 12 "
                          "destroys twice: bind the task first (auto t = f(...); co_await std::move(t);)"
                          for line, what in offences(path.read_text())]
    print("\n".join(found) if found else "no co_await with a temporary that g++ 12 destroys twice")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
