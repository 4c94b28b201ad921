"""Energy, time and room of a mapping as sums of products of factors per axis, for bounds.

Every word count is a product over axes, and energies, port times and tile sizes are sums of such products. Psums that
start a visit empty enter with a minus sign; a visit of a psum brings at least one word in and hands one out, so what
is left of every sum after setting such parts against others is positive and never more than the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dse.mapper.deep.bounds.sums.crossings import Crossing, Term
from dse.mapper.deep.problem import Deep
from dse.model.counting.kernel import Floats
from dse.model.counting.records import READ, WRITE
from dse.model.time import SINGLE
from dse.problem.dims import PSUM

NO_GROUP = -1
"""In place of a term's group."""


class Sum:
    """A linear form in the views of crossings: {(crossing, view): coefficient} and a constant.

    `cuts` has what was taken out of a coefficient for a negative constant: the whole coefficient, and the constant.
    """

    def __init__(self) -> None:
        self.parts: dict[tuple[int, int], float] = {}
        self.cuts: dict[tuple[int, int], tuple[float, float]] = {}
        self.constant = 0.0

    def add(self, crossing: int, view: int, coefficient: float) -> None:
        if coefficient != 0.0:
            self.parts[crossing, view] = self.parts.get((crossing, view), 0.0) + coefficient


@dataclass(slots=True)
class Ports:
    """Times of ports, as far as they were asked for: they depend on rates and words, not on energies or capacities.

    Parameters
    ----------
    sums : dict
        By port and whether its words are serial.
    positive : dict
        The same of its serial words, and of all that overlap with those of ports that are one with it.
    pays : bool or None
        See `visits_pay`.
    times : dict
        The terms of time and their groups, by the fewest steps and what differs in them.
    """

    sums: dict[tuple[int, bool], Sum] = field(default_factory=dict)
    positive: dict[tuple[int, bool], Sum] = field(default_factory=dict)
    pays: bool | None = None
    times: dict[tuple[float, tuple[int, ...]], tuple[list[Term], int]] = field(default_factory=dict)


class Book:
    """Books the words of psums and the others at both ends of crossings; of ports what is not `known` yet."""

    def __init__(self, dp: Deep, crossings: list[Crossing], known: Ports | None = None) -> None:
        self.dp, self.crossings = dp, crossings
        self.ports = Ports() if known is None else known
        self.energy = self._energy()

    def add_back(self, total: Sum, at: int, coefficient: float) -> None:
        """Psums that are read back: those that arrive less those that start a visit empty."""
        if coefficient == 0.0:
            return
        total.add(at, self.crossings[at].up, coefficient)
        total.constant -= coefficient * float(self.dp.words[PSUM])
        for k, crossing in enumerate(self.crossings[:at]):
            if crossing.operand == PSUM:
                total.add(k, 0, -coefficient)
                total.add(k, crossing.up, coefficient)

    def _energy(self) -> Sum:
        dp, total = self.dp, Sum()
        total.constant = float(dp.mac_pj)
        for k, c in enumerate(self.crossings):
            o, parent = c.operand, dp.nodes[c.parent]
            child = dp.nodes[c.child] if c.child < len(dp.nodes) else -1
            access = dp.access_pj[child, o] if child >= 0 else np.zeros(2)
            prices = [dp.fan_pj[dp.fans[i], o] for i in c.fans]
            if o != PSUM:
                total.add(k, c.up, dp.access_pj[parent, o, READ])
                for at, (delivery, _) in enumerate(prices):
                    total.add(k, at, delivery)
                total.add(k, 0, access[WRITE])
                continue
            spared = dp.spared_pj if child < 0 else 0.0
            delivered = sum(delivery for delivery, _ in prices)
            self.add_back(total, k, dp.access_pj[parent, o, READ] + access[WRITE] + delivered - spared)
            total.add(k, c.up, dp.access_pj[parent, o, WRITE])
            total.add(k, 0, access[READ])
            for at, (_, hop) in enumerate(prices):
                total.add(k, at, hop)
                total.add(k, at + 1, -hop)
        for node in self.finishing():
            total.constant -= float(dp.words[PSUM] * dp.saved_pj[node].sum())
        return total

    def finishing(self) -> list[int]:
        """Nodes to which psums may come finished: once at most, and they leave all but the outermost so."""
        mine = [c.parent for c in self.crossings if c.operand == PSUM]
        return [int(self.dp.nodes[level]) for level in mine if not self.dp.never_finished[level]]

    def port(self, t: int, serial: bool) -> Sum:
        """Time of a port, its words that overlap with the compute or those that do not."""
        if (t, serial) not in self.ports.sums:
            self.ports.sums[t, serial] = self._port(t, serial)
        return self.ports.sums[t, serial]

    def busy(self, t: int, serial: bool) -> Sum:
        """The same without negative parts, the words that overlap with those of ports that are one with it."""
        if (t, serial) not in self.ports.positive:
            self.ports.positive[t, serial] = self.positive(self.port(t, True) if serial else self.overlapped(t))
        return self.ports.positive[t, serial]

    def ports_pay(self) -> bool:
        """Whether more visits of psums may lower the time of a port."""
        if self.ports.pays is None:
            every = [self.port(t, serial) for t in range(len(self.dp.port_node)) for serial in (False, True)]
            self.ports.pays = any(self.falls(one) for one in every)
        return self.ports.pays

    def falls(self, total: Sum) -> bool:
        """Whether more visits of psums at some crossing may lower a form: see `visits_pay`."""
        if min(total.parts.values(), default=0.0) >= 0.0:
            return False
        largest = max(map(abs, total.parts.values()))
        for k, crossing in enumerate(self.crossings):
            running = 0.0
            for view in range(crossing.up + 1):
                running += total.parts.get((k, view), 0.0)
                joins_next = view < crossing.up and crossing.views[view + 1] != crossing.views[view]
                if (joins_next or view == crossing.up) and running < -1e-12 * largest:
                    return True
        return False

    def _port(self, t: int, serial: bool) -> Sum:
        dp, total = self.dp, Sum()
        node, cost = dp.port_node[t], dp.port_cost[t]
        for k, c in enumerate(self.crossings):
            o = c.operand
            child = dp.nodes[c.child] if c.child < len(dp.nodes) else -1
            if dp.nodes[c.parent] == node and (child >= 0 and dp.buffering[child, o] == SINGLE) == serial:
                if o != PSUM:
                    total.add(k, c.up, cost[o, READ])
                else:
                    self.add_back(total, k, cost[o, READ])
                    total.add(k, c.up, cost[o, WRITE])
            if child == node and not serial:
                if o != PSUM:
                    total.add(k, 0, cost[o, WRITE])
                else:
                    total.add(k, 0, cost[o, READ])
                    self.add_back(total, k, cost[o, WRITE])
            if o == PSUM and dp.nodes[c.parent] == node and not dp.never_finished[c.parent]:
                # What comes finished is serial or not with all that comes; what leaves finished never is.
                single = child >= 0 and dp.buffering[child, o] == SINGLE
                saved = dp.port_saved[t, WRITE] * (single == serial) + dp.port_saved[t, READ] * (not serial)
                total.constant -= float(dp.words[PSUM] * saved)
        return total

    def overlapped(self, t: int) -> Sum:
        """Time of a port's overlapped words, with that of ports that are one with it: all have one instance."""
        total = Sum()
        for port in (t, *np.flatnonzero(self.dp.port_joins == t).tolist()):
            more = self.port(port, False)
            total.constant += more.constant
            for (crossing, view), coefficient in more.parts.items():
                total.add(crossing, view, coefficient)
        return total

    def positive(self, whole: Sum) -> Sum:
        """A form without a negative coefficient that is never more than this one.

        A negative part is set against the next larger count inwards, the last one against all MACs. What is left of a
        negative constant is taken off coefficients, first of what has most with the fewest words, which loses least of
        its own coefficient (docs/mapper/deep.md, "What the bound counts").
        """
        dp, total = self.dp, Sum()
        total.constant = whole.constant
        mine = [k for k, c in enumerate(self.crossings) if c.operand == PSUM]
        chain = [(k, view) for k in mine for view in range(self.crossings[k].up, -1, -1)]
        parts: dict[tuple[int, int], float] = {}
        for (k, view), value in whole.parts.items():
            # Where no fan-out between joins children, the views are one count, and parts of either sign add up.
            same = k, self.crossings[k].alike[view]
            parts[same] = parts.get(same, 0.0) + value
        for here, following in zip(chain, [*chain[1:], None], strict=True):
            value = parts.pop(here, 0.0)
            if value >= 0.0:
                if value > 0.0:
                    parts[here] = value
            elif following is None:
                total.constant += value * float(dp.macs)
            else:
                parts[following] = parts.get(following, 0.0) + value
        for k, view in sorted(parts, key=lambda one: (-parts[one] * self._fewest(one[0]), one)):
            if total.constant >= 0.0:
                break
            words = self._fewest(k)
            cut = min(parts[k, view], -total.constant / words)
            total.cuts[k, view] = parts[k, view], cut * words
            parts[k, view] -= cut
            total.constant += cut * words
            if parts[k, view] <= 0.0:
                del parts[k, view]
        total.parts, total.constant = parts, max(0.0, total.constant)
        return total

    def _fewest(self, k: int) -> float:
        """Words that each view of a crossing has at least: those of the operand; psums that return come twice."""
        operand = self.crossings[k].operand
        return float(self.dp.words[operand]) * (2.0 if self.dp.returns and operand == PSUM else 1.0)


def visits_pay(book: Book) -> bool:
    """Whether more visits of psums at some crossing may lower the energy or the time of a port.

    Behind a fan-out that reduces, a visit starts empty in all but one child of each group, which spares these the words
    that they would read back. When visits rise, the words of a crossing's views rise, those of inner views no less than
    those of outer ones; a form rises with them if its coefficients, summed from the innermost view outwards, are never
    negative.
    """
    return book.falls(book.energy) or book.ports_pay()


def cuts_of(terms: list[Term]) -> Floats:
    """(T, 2) how many times a term's coefficient its whole one is, and the constant taken off then."""
    cuts = np.zeros((len(terms), 2))
    cuts[:, 0] = 1.0
    for t, term in enumerate(terms):
        if term.whole:
            cuts[t] = term.whole / term.coefficient, term.less
    return cuts


def terms_of_sum(total: Sum, block: int, group: int, used: int, scale: float = 1.0) -> list[Term]:
    """The terms of a form without negative parts, `scale` times each, over the first `used` fan-outs' instances."""
    terms = []
    for (k, view), value in total.parts.items():
        whole, less = total.cuts.get((k, view), (0.0, 0.0))
        terms.append(Term(scale * value, block, group, k, view, used, whole=scale * whole, less=scale * less))
    if total.constant > 0.0:
        terms.append(Term(scale * total.constant, block, group, used=used))
    return terms
