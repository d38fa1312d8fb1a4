// SPDX-License-Identifier: Apache-2.0
// Copyright The oddswire authors
/** What all views share, made once. */
import { Api } from "./api.js";
import { Frames } from "./frames.js";
import { LiveOdds } from "./live.js";
import { Preferences } from "./preferences.js";
import { Router } from "./router.js";

export class Desk {
  api = new Api();
  frames = new Frames();
  preferences = new Preferences();
  router = new Router();
  odds = new LiveOdds(this.api, this.frames);
}
