#!/usr/bin/python3
"""What tools/check_coroutines.py must find, and what it must let pass. Each dangerous form was destroyed twice (or broke
the compiler) with g++ 12.2 and AddressSanitizer."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

from check_coroutines import offences

DANGEROUS = {
    "an aggregate as the argument": "Task<void> f() {\n  co_await g(Agg{a, b});\n}",
    "on several lines": "Task<void> f() {\n  co_await g(\n      first,\n      Agg{a, b});\n}",
    "designated": "Task<void> f() {\n  co_await g({.a = 1});\n}",
    "a list": "Task<void> f() {\n  co_await g({a, b});\n}",
    "a lambda": "Task<void> f() {\n  co_await h([held] { return held; });\n}",
    "a lambda with arguments": "Task<void> f() {\n  co_await h(1, [=](int x) { return x; });\n}",
    "an aggregate around it": "Task<Out> f() {\n  co_return Out{co_await g(a), b};\n}",
    "an aggregate beside it": "Task<void> f() {\n  two(co_await g(a), Agg{a, b});\n}",
    "an aggregate before it": "Task<void> f() {\n  two(Agg{a, b}, co_await g(a));\n}",
    "in a condition": "Task<void> f() {\n  if (auto r = co_await g(Agg{a}); !r) co_return;\n}",
    "a list that is declared": "Task<void> f() {\n  std::vector<int> all{a, co_await g(b)};\n}",
    "in a lambda that is a coroutine": "void f() {\n  auto t = [&]() -> Task<void> {\n    co_await g(Agg{a});\n  };\n}",
    "after a block": "Task<void> f() {\n  if (a) {\n    b();\n  }\n  co_await g(Agg{a});\n}",
    "of a template": "Task<void> f() {\n  co_await g(std::vector<int>{a});\n}",
}

HARMLESS = {
    "bound first": "Task<void> f() {\n  auto t = g(Agg{a, b});\n  co_await std::move(t);\n}",
    "constructed by parentheses": "Task<void> f() {\n  co_await g(Cls(a), std::string(b));\n}",
    "a subscript": "Task<void> f() {\n  co_await g(list[0], map()[a], (list)[1]);\n}",
    "a block after the condition": "Task<void> f() {\n  if (co_await g(a)) {\n    b();\n  }\n}",
    "a loop": "Task<void> f() {\n  while (!co_await g(a)) {\n    Agg x{a, b};\n  }\n}",
    "a range": "Task<void> f() {\n  for (auto& x : co_await g(a)) {\n    h(x);\n  }\n}",
    "a block before it": "Task<void> f() {\n  if (a) {\n    h(Agg{a});\n  }\n  co_await g(a);\n}",
    "a value in the statement before": "Task<void> f() {\n  Agg x{a, b};\n  co_await g(x);\n  Agg y{a};\n}",
    "a coroutine that is a lambda": "void f() {\n  spawn([&]() -> Task<void> { co_await g(a); });\n}",
    "a lambda without arguments": "void f() {\n  spawn([held] { return run(); });\n}\nTask<void> k() { co_await g(a); }",
    "an alternative": "Task<void> f() {\n  if (a) {\n    b();\n  } else {\n    co_await g(a);\n  }\n}",
    "a try": "Task<void> f() {\n  try {\n    co_await g(a);\n  } catch (...) {\n    h(Agg{a});\n  }\n}",
    "a comment": "Task<void> f() {\n  co_await g(a /* Agg{b} */);  // [held] { }\n}",
    "a literal": "Task<void> f() {\n  co_await g(\"{}\", '{', R\"(Agg{a})\");\n}",
    "a member function": "struct S {\n  Task<void> f() const override {\n    co_await g(a);\n  }\n  Agg x{a};\n};",
    "a case": "Task<void> f() {\n  switch (a) {\n    case 1: {\n      co_await g(a);\n    }\n  }\n}",
}


class Coroutines(unittest.TestCase):
    def test_dangerous_forms_are_found(self):
        for name, text in DANGEROUS.items():
            with self.subTest(name):
                self.assertEqual(len(list(offences(text))), 1, text)

    def test_harmless_forms_pass(self):
        for name, text in HARMLESS.items():
            with self.subTest(name):
                self.assertEqual(list(offences(text)), [], text)

    def test_the_line_is_that_of_the_co_await(self):
        self.assertEqual(list(offences(DANGEROUS["on several lines"])), [(2, "a value in braces")])
        self.assertEqual(list(offences(DANGEROUS["a lambda"])), [(2, "a lambda")])


if __name__ == "__main__":
    unittest.main()
