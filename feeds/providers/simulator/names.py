"""Who plays: teams of every league and the pool of player names. Cities are real, clubs and people are made up."""

from __future__ import annotations

from functools import lru_cache
from random import Random

from feeds.contract.ids import derive_id
from feeds.contract.model import Subject


def _list(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


NFL = _list("""Buffalo Frontier, Kansas City Scouts, Dallas Drovers, Philadelphia Founders, Green Bay Voyageurs,
    Chicago Gales, Denver Summit, Seattle Sound, Miami Tide, Pittsburgh Forge, Baltimore Clippers, Cleveland Foundry,
    Detroit Motors, Minneapolis North, Tampa Corsairs, Houston Wildcatters, Las Vegas Dealers, San Francisco Fog,
    Atlanta Peaches, Boston Minutemen""")

NCAAF = _list("""Tuscaloosa State, Ann Arbor Tech, Columbus State, Athens Southern, Austin Plains, Norman State,
    Baton Rouge Bayou, South Bend College, Eugene Pacific, State College Valley, Knoxville Ridge, Clemson Hills,
    Gainesville Gulf, Madison Lakes, Lincoln Prairie, Auburn Eastern, Provo Canyon, Boise Northern, Tempe Desert,
    Pullman Inland""")

NBA = _list("""Boston Harbor, Los Angeles Stars, New York Boroughs, Chicago Blaze, Miami Coral, Denver Peaks,
    Phoenix Mirage, Milwaukee Brewhouse, Dallas Outlaws, Philadelphia Bells, Toronto Towers, Oakland Bridges,
    Portland Pines, Memphis Delta, Sacramento Gold, Cleveland Iron, Orlando Comets, San Antonio Missions,
    Oklahoma City Wind, Minneapolis Frost""")

WNBA = _list("""Las Vegas Neon, New York Skyline, Chicago Lakefront, Seattle Rain, Phoenix Saguaro,
    Minneapolis Loons, Atlanta Bloom, Washington Monuments, Dallas Comets, Los Angeles Waves, Indianapolis Speed,
    Hartford Charter""")

NCAAB = _list("""Durham Blue, Chapel Hill Carolina, Lawrence Plains, Lexington Bluegrass, Storrs Northeast,
    Spokane Jesuit, Los Angeles Westwood, East Lansing State, Villanova Main Line, Tucson Desert, Houston Bayou,
    Syracuse Salt City, Bloomington Crimson, Waco Brazos, Omaha Bluff, Cincinnati River, Dayton Wright,
    San Diego Mesa, Providence Bay, Louisville Derby""")

MLB = _list("""New York Empires, Los Angeles Palms, Chicago Wind, Boston Commons, Houston Launch, Atlanta Rails,
    Philadelphia Quakers, San Diego Surf, St. Louis Arches, Seattle Evergreens, Toronto Maples, Cleveland Erie,
    Detroit Assembly, Minneapolis Millers, San Francisco Seals, Baltimore Terrapins, Tampa Manatees,
    Milwaukee Lagers, Cincinnati Paddlers, Denver Altitude""")

EPL = _list("""London Albion, Manchester Athletic, Liverpool Rovers, Leeds Victoria, Birmingham Town, Newcastle Borough,
    Bristol Wanderers, Sheffield Steel, Nottingham Vale, Brighton Pier, Southampton Docks, Leicester Abbey,
    Norwich County, Wolverhampton Hill, Ipswich Orwell, London Palace Park, Burnley Mills, Sunderland Wear,
    London Eastside, Portsmouth Harbour""")

MLS = _list("""Seattle Cascades, Portland Union, Los Angeles Athletic, Atlanta Terminus, Miami Athletic, Austin Verde,
    Columbus Arsenal, Toronto Reds, Montreal Royal, Chicago Prairie, Denver Mile, Kansas City Union, Orlando Citrus,
    Nashville Strings, Charlotte Crown, San Diego Pacific""")

LALIGA = _list("""Madrid Capital, Barcelona Costa, Sevilla Giralda, Valencia Turia, Bilbao Norte, San Sebastian Bahia,
    Zaragoza Ebro, Malaga Sur, Vigo Atlantico, Granada Nevada, Pamplona Navarra, Mallorca Isla, Cadiz Bahia,
    Oviedo Astur, Valladolid Pisuerga, Madrid Sureste""")

NHL = _list("""Montreal Habitat, Toronto Granite, Boston Anchors, New York Harbor, Chicago Blizzard, Detroit Engines,
    Edmonton Derricks, Calgary Chinooks, Vancouver Orcas, Winnipeg Polars, Denver Glaciers, Dallas Northstar,
    Minneapolis Timber, Nashville Chords, Pittsburgh Rivers, Philadelphia Liberty, Tampa Storm, Carolina Squall,
    Seattle Trawlers, Ottawa Parliament""")

ATP = _list("""Marco Bellanti, Tomas Hradec, Julien Arcault, Nikolai Dresvin, Carlos Montero Ruiz, Anders Vik,
    Liam Prescott, Hugo Salgado, Dmitri Volansky, Kenji Moriyama, Stefan Brandauer, Rafe Whitlock, Pablo Quiroga,
    Luka Jurevic, Oskar Lindqvist, Mateo Ferraro, Elias Kostadin, Jonas Wehrli, Theo Marchetti, Ivan Petrakov,
    Sam Okonjo, Daniel Reyes Soto, Felix Aumont, Ben Carrow""")

WTA = _list("""Elena Varska, Sofia Marchand, Naomi Tachibana, Karolina Zelinska, Ines Caldeira, Mia Thornbury,
    Anastasia Belova, Lucia Ferrante, Petra Novotna Hal, Amelie Girard, Zoe Abernathy, Marta Oliveros, Daria Sokolenko,
    Hana Kimura, Clara Nystrom, Olga Tverdova, Bianca Ionesco, Emily Castellan, Julia Brenner, Tereza Mlada,
    Camila Orozco, Leila Haddadi, Ruth Adeyemi, Freya Lund""")

_FIRST = _list("""Aaron, Adrian, Andre, Ben, Brandon, Caleb, Cameron, Carlos, Chris, Cole, Darius, David, Derek, Devin,
    Diego, Elijah, Ethan, Evan, Gabe, Grant, Isaiah, Ivan, Jalen, James, Jordan, Josh, Julian, Kai, Kyle, Leo, Logan,
    Lucas, Marcus, Mason, Micah, Nate, Noah, Omar, Owen, Quinn, Rafael, Reggie, Ryan, Sean, Tobias, Trent, Tyler,
    Zach""")

_LAST = _list("""Abbott, Alvarado, Barlow, Beckett, Boone, Bridger, Calloway, Castillo, Chandler, Corbin, Crowley,
    Dalton, Delgado, Dempsey, Draper, Ellison, Fairbanks, Farrell, Fontaine, Gallagher, Garrison, Granger, Hadley,
    Hargrove, Hollis, Ingram, Jarrett, Keane, Kendrick, Lachance, Langley, Lockhart, Maddox, Marlowe, McCrae, Mercer,
    Navarro, Oakley, Okafor, Pemberton, Prescott, Quarles, Ramsey, Rourke, Salazar, Sinclair, Stroud, Tanaka, Thatcher,
    Underwood, Valdez, Vaughn, Wakefield, Whitaker, Winslow, Yates, Zamora""")

_ROSTER_SIZE = 8


@lru_cache(maxsize=512)
def squad(league: str, team: str, *, solo: bool) -> tuple[Subject, ...]:
    """Eight players of a team, the same in every run and game; `solo`: the team is one player."""
    if solo:
        return (_player(league, team, team),)
    rng = Random(f"{league}/{team}")
    firsts = rng.sample(_FIRST, _ROSTER_SIZE)
    lasts = rng.sample(_LAST, _ROSTER_SIZE)
    return tuple(_player(league, team, f"{first} {last}") for first, last in zip(firsts, lasts))


def team_subject(league: str, team: str) -> Subject:
    """A team as a team total's subject."""
    return Subject("team", derive_id("T", "simulator", league, team), team)


def _player(league: str, team: str, name: str) -> Subject:
    return Subject("player", derive_id("P", "simulator", league, team, name), name)
