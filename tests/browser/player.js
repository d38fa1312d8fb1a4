// The browser's side of scripts.py: the same calls on the module's classes, the same things told.
import { AccountReplica, Replica, TopicStates } from "/sdk/oddswire.js";

const some = (held, names) => Object.fromEntries(names.map((name) => [name, held.get(name) ?? null]));

class Player {
  replica = new Replica();
  states = new TopicStates(this.replica);

  play([name, ...given]) {
    let named = [];
    let turned = true;
    switch (name) {
      case "receive": {
        const [message] = given;
        if (message.t === "subscribed") this.states.wanted(Object.keys(message.topics).filter((topic) => !this.states.all().has(topic)));
        this.replica.receive(message);
        turned = this.states.receive(message);
        named = [...(message.m ?? []), ...(message.e ?? [])].map((part) => part.id);
        break;
      }
      case "reconnected": this.replica.reconnected(); this.states.connected(); break;
      case "lost": this.states.lost(); break;
      case "forget": this.replica.forget(...given); this.states.left(given[0]); break;
      default: this.replica[name](...given);
    }
    const isWhole = name !== "receive" || ["live", "subscribed"].includes(given[0].t);
    return this.told(isWhole ? null : named, turned ? this.states.turned() : []);
  }

  told(named, turned) {
    const { replica } = this;
    const pick = (held) => (named === null ? Object.fromEntries(held) : some(held, named));
    const markets = pick(replica.markets);
    return {
      markets,
      events: pick(replica.events),
      last: pick(replica.last),
      status: Object.fromEntries(Object.entries(markets).filter(([, market]) => market).map(([id, market]) => [id, replica.status(market)])),
      sizes: [replica.markets.size, replica.events.size, replica.last.size],
      not_live: Object.fromEntries(replica.notLive),
      cursor: replica.cursor,
      epoch: replica.epoch,
      gap: replica.gap,
      gaps: replica.gaps,
      turned,
      states: Object.fromEntries(this.states.all()),
    };
  }
}

// One JSON text for each call, made at once: what is told goes on to change.
window.play = (scripts) => JSON.stringify(JSON.parse(scripts).map((script) => {
  const player = new Player();
  return script.map((call) => JSON.stringify(player.play(call)));
}));

/** The account's rule: what is shown by each call, and what is held after it. */
window.playAccounts = (scripts) => JSON.stringify(JSON.parse(scripts).map((script) => {
  const account = new AccountReplica();
  return script.map(([name, ...given]) => {
    const shown = account[name](...given) ?? [];
    const { seq, missing, wallet, holes, skipped } = account;
    return JSON.stringify({ shown, seq, missing, wallet, holes, skipped, bets: Object.fromEntries(account.bets) });
  });
}));
window.ready = true;
