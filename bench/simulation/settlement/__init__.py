"""Games that end, results said in any order and taken back, bets settled, corrected and bought back."""
