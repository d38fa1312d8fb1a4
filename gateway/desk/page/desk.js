// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** What all views share, made once. */
import { Api } from "./api.js";
import { Frames } from "./frames.js";
import { LiveOdds } from "./live.js";
import { Preferences } from "./preferences.js";
import { Router } from "./router.js";
import { Session } from "./session.js";

export class Desk {
  api = new Api();
  session = new Session(this.api);
  frames = new Frames();
  preferences = new Preferences();
  router = new Router();
  odds = new LiveOdds(this.api, this.frames);

  /** Learns who that is, then follows the odds. */
  async start() {
    await this.session.learn().catch(reportError);
    if (this.session.who !== null && this.session.tickets) this.odds.authorize = () => this.session.ticket();
    await this.odds.start();
  }
}
