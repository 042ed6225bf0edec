namespace Datapath.Policy.Diagnostics;

/// <summary>Finds the word that was probably meant.</summary>
public static class Spelling
{
    // Nobody mistypes a word this long into another one, and the distance costs the product of the lengths.
    private const int LongestWord = 64;

    /// <summary>The known word nearest to a written one; null when none is near.</summary>
    /// <param name="written">What stands in the file.</param>
    /// <param name="known">The words that would have been right; of equally near ones the first is given.</param>
    public static string? Closest(string written, IEnumerable<string> known)
    {
        if (written.Length > LongestWord)
        {
            return null;
        }

        // Two slips in a long word, one in a short one: `tpye` is `type`, but `app` is not `any`.
        int nearest = (written.Length >= 6 ? 2 : 1) + 1;
        string? best = null;
        foreach (string word in known)
        {
            if (word.Equals(written, StringComparison.OrdinalIgnoreCase))
            {
                return word;
            }

            int distance = Distance(written, word);
            if (distance < nearest)
            {
                (nearest, best) = (distance, word);
            }
        }

        return best;
    }

    /// <summary>Insertions, deletions, replacements and swaps of neighbours that turn one word into the other.</summary>
    private static int Distance(string a, string b)
    {
        int[,] cost = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            cost[i, 0] = i;
        }

        for (int j = 0; j <= b.Length; j++)
        {
            cost[0, j] = j;
        }

        for (int i = 1; i <= a.Length; i++)
        {
            for (int j = 1; j <= b.Length; j++)
            {
                int replaced = cost[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                cost[i, j] = Math.Min(replaced, Math.Min(cost[i - 1, j], cost[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    cost[i, j] = Math.Min(cost[i, j], cost[i - 2, j - 2] + 1);
                }
            }
        }

        return cost[a.Length, b.Length];
    }
}
