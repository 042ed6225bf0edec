using System.Text;

namespace Datapath.Policy.Diagnostics;

/// <summary>Values from files, fit to stand in a one-line message: a file may hold megabytes, line feeds or terminal escapes.</summary>
public static class Quoted
{
    private const int Longest = 80;

    /// <summary>The value between backquotes, control characters escaped, cut after 80 characters.</summary>
    /// <param name="value">Any text.</param>
    public static string Value(string value)
    {
        int length = value.Length <= Longest ? value.Length : Longest;
        StringBuilder text = new(length + 8);
        text.Append('`');
        for (int i = 0; i < length; i++)
        {
            Append(text, value[i]);
        }

        return text.Append(length < value.Length ? "…`" : "`").ToString();
    }

    private static void Append(StringBuilder text, char character)
    {
        switch (character)
        {
            case '\n':
                text.Append("\\n");
                break;
            case '\t':
                text.Append("\\t");
                break;
            // U+2028 and U+2029 break lines in some terminals; half a surrogate pair cannot be written out at all.
            case var c when char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029' or '\u202e':
                text.Append($"\\u{(int)c:x4}");
                break;
            default:
                text.Append(character);
                break;
        }
    }
}
