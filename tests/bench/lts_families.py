#!/usr/bin/env python3
"""Families of labelled transition systems for measuring the comparison.

    lts_families.py FAMILY N SEED OUT.aut [--bisim BISIMILAR.aut] [--mutant MUTANT.aut]

Writes the member of the family with about N states and, from it, a branching
bisimilar system (states doubled, inert taus and tau cycles added, shuffled) and
a mutant (states doubled, one transition deep in breadth-first order relabelled,
shuffled). The same arguments give the same files everywhere: all chance comes
from Python's Mersenne Twister and the seed. Used by scripts/bench-conformance;
no member of a family has a state that cannot be reached.

A system is a triple: initial state, number of states, transitions (from, label, to).
"""
import random
import sys

TAU = "tau"


def family_random(n, seed, degree=3, labels=10, tau_share=0.2):
    """Each state has `degree` transitions on average, a fifth of them tau; a random tree makes all reachable."""
    r = random.Random(seed)
    names = ["a%d" % i for i in range(labels)]

    def label():
        return TAU if r.random() < tau_share else r.choice(names)

    steps = []
    for state in range(1, n):
        steps.append((r.randrange(state), label(), state))
    for _ in range(degree * n - (n - 1)):
        steps.append((r.randrange(n), label(), r.randrange(n)))
    return 0, n, steps


def family_randdup(n, seed):
    """A random system in which every state is there eight times."""
    base = max(2, n // 8)
    r = random.Random(seed)
    _, _, simple = family_random(base, seed + 1)
    return 0, base * 8, [(s * 8 + k, a, t * 8 + r.randrange(8)) for s, a, t in simple for k in range(8)]


def family_tauchain(n, seed):
    """A chain of taus; every state can do `a`, every seventh also `b`."""
    r = random.Random(seed)
    last, dead_a, dead_b = n - 3, n - 2, n - 1
    steps = []
    for state in range(n - 2):
        if state < last:
            steps.append((state, TAU, state + 1))
        steps.append((state, "a", dead_a))
        if state % 7 == 0:
            steps.append((state, "b", dead_b if r.random() < 0.5 else min(last, state + 7)))
    return 0, n, steps


def family_tauscc(n, seed, size=50):
    """Components of `size` states connected by taus, joined by visible steps."""
    r = random.Random(seed)
    count = max(1, n // size)
    steps = []
    for component in range(count):
        first = component * size
        for i in range(size):
            steps.append((first + i, TAU, first + (i + 1) % size))
            if i % 5 == 0:
                steps.append((first + i, TAU, first + r.randrange(size)))
        for label in ("a", "b", "c"):
            if r.random() < 0.8:
                steps.append((first + r.randrange(size), label, r.randrange(count) * size + r.randrange(size)))
        if component + 1 < count:
            steps.append((first + r.randrange(size), "n", first + size + r.randrange(size)))
    return 0, count * size, steps


def family_counters(n, seed, counters=3):
    """Interleaved counters; the first one's overflow can be seen, the others' is silent."""
    base = 2
    while (base + 1) ** counters <= n:
        base += 1
    steps = []
    for state in range(base**counters):
        rest, weight = state, 1
        for i in range(counters):
            digit, rest = rest % base, rest // base
            if digit + 1 < base:
                steps.append((state, "inc%d" % i, state + weight))
            else:
                steps.append((state, "wrap0" if i == 0 else TAU, state - digit * weight))
            weight *= base
    return 0, base**counters, steps


def family_longchain(n, seed):
    """a, a, a, …: every state is a class of its own, found one at a time."""
    return 0, n, [(i, "a", i + 1) for i in range(n - 1)]


def family_tauskip(n, seed):
    """A chain in which a tau skips a state: no tau is inert, and blocks are split one by one."""
    return 0, n, [(i, "a", i + 1) for i in range(n - 1)] + [(i, TAU, i + 2) for i in range(n - 2)]


def family_ladder(n, seed):
    """Upwards by halving, downwards in a tree; blocks are halved again and again."""
    steps = []
    for x in range(1, n):
        steps += [(x, "a", x // 2), (x, "b" if x % 2 == 1 else TAU, x // 2)]
    return 0, n, steps + [(x // 2, "down", x) for x in range(1, n)]


def family_protocol(n, seed, labels=12, reset_share=0.03):
    """A request, hidden steps, a reply: deterministic and complete for its inputs, as learned models are."""
    r = random.Random(seed)
    core = max(2, n // (2 * labels))
    fresh = core
    steps = []
    for state in range(core):
        for i in range(labels):
            if fresh + 3 > n and fresh >= core + 1:
                break
            if r.random() < reset_share:
                target = 0
            else:
                target = r.randrange(core) if r.random() < 0.3 else min(core - 1, state + 1)
            at, label = state, "?m%d" % i
            for _ in range(r.choice((0, 0, 1))):
                steps.append((at, label, fresh))
                at, label, fresh = fresh, TAU, fresh + 1
            steps += [(at, label, fresh), (fresh, "!r%d" % r.randrange(4), target)]
            fresh += 1
    return 0, fresh, steps


FAMILIES = {
    name[len("family_"):]: function
    for name, function in sorted(globals().items())
    if name.startswith("family_")
}


def shuffled(system, seed):
    """States renumbered, transitions in another order."""
    r = random.Random(seed)
    initial, n, steps = system
    number = list(range(n))
    r.shuffle(number)
    steps = [(number[s], a, number[t]) for s, a, t in steps]
    r.shuffle(steps)
    return number[initial], n, steps


def with_copies(system, seed, share=0.1):
    """Some states doubled; what leads to them leads to either."""
    r = random.Random(seed)
    initial, n, steps = system
    copy = {state: n + i for i, state in enumerate(r.sample(range(n), max(1, int(n * share))))}
    result = []
    for s, a, t in steps:
        result.append((s, a, copy[t] if t in copy and r.random() < 0.5 else t))
        if s in copy:
            result.append((copy[s], a, copy[t] if t in copy and r.random() < 0.5 else t))
    return initial, n + len(copy), result


def with_inert_taus(system, seed, share=0.1):
    """A new state with a tau put in front of some states."""
    r = random.Random(seed)
    initial, n, steps = system
    front = {state: n + i for i, state in enumerate(r.sample(range(n), max(1, int(n * share))))}
    result = [(s, a, front[t] if t in front and r.random() < 0.7 else t) for s, a, t in steps]
    result += [(before, TAU, state) for state, before in front.items()]
    return front.get(initial, initial), n + len(front), result


def with_tau_cycles(system, seed, share=0.05):
    """Tau loops, and cycles of two taus."""
    r = random.Random(seed)
    initial, n, steps = system
    end = n
    steps = list(steps)
    for state in r.sample(range(n), max(1, int(n * share))):
        if r.random() < 0.5:
            steps.append((state, TAU, state))
        else:
            steps += [(state, TAU, end), (end, TAU, state)]
            end += 1
    return initial, end, steps


def with_deep_change(system, seed):
    """One transition far from the initial state gets a label of its own."""
    r = random.Random(seed)
    initial, n, steps = system
    leaving = [[] for _ in range(n)]
    for i, step in enumerate(steps):
        leaving[step[0]].append(i)
    order, seen = [initial], bytearray(n)
    seen[initial] = 1
    for state in order:
        for i in leaving[state]:
            target = steps[i][2]
            if not seen[target]:
                seen[target] = 1
                order.append(target)
    tail = [s for s in order[int(len(order) * 0.9):] if leaving[s]] or [s for s in order if leaving[s]]
    changed = r.choice(leaving[r.choice(tail)])
    steps = list(steps)
    steps[changed] = (steps[changed][0], "mutated", steps[changed][2])
    return initial, n, steps


def bisimilar(system, seed):
    return shuffled(with_tau_cycles(with_inert_taus(with_copies(system, seed), seed + 1), seed + 2), seed + 3)


def mutant(system, seed):
    return shuffled(with_deep_change(with_copies(system, seed), seed + 1), seed + 2)


def write_aut(path, system):
    initial, n, steps = system
    with open(path, "w") as out:
        out.write("des (%d,%d,%d)\n" % (initial, len(steps), n))
        out.writelines('(%d,"%s",%d)\n' % step for step in steps)


def main(arguments):
    if len(arguments) < 4 or arguments[0] not in FAMILIES:
        sys.exit("usage: lts_families.py FAMILY N SEED OUT.aut [--bisim OUT.aut] [--mutant OUT.aut]\n"
                 "families: " + " ".join(FAMILIES))
    family, n, seed, path, *pairs = arguments
    system = FAMILIES[family](int(n), int(seed))
    write_aut(path, system)
    variants = {"--bisim": bisimilar, "--mutant": mutant}
    for option, variant_path in zip(pairs[::2], pairs[1::2]):
        write_aut(variant_path, variants[option](system, int(seed) + 100))


if __name__ == "__main__":
    main(sys.argv[1:])
