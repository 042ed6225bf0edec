using System.Collections.Immutable;
using Datapath.Backends.Ebpf.Image;
using Datapath.Policy.Compilation;

namespace Datapath.Backends.Ebpf;

/// <content>From a compiled policy to a generation that is written and tried out.</content>
public sealed partial class EbpfBackend
{
    /// <summary>The image in the form that suits; where that does not fit, in the smaller one: a slower verdict is better than none.</summary>
    /// <remarks>
    /// What a live generation has is not written again. Not while a policy waits for confirmation: the one to fall back to is written first and
    /// may take the place.
    /// </remarks>
    private PolicyImage EncodeFor(Session session, CompiledPolicy policy, bool mayShare)
    {
        Arena arena = session.Arena;
        PolicyImage image = PolicyImageEncoder.Encode(policy, options.Rows, session.Images, mayShare ? arena.Live : null);
        if (image.IsShared)
        {
            if (arena.HasRoom(image))
            {
                return image;
            }

            image = PolicyImageEncoder.Encode(policy, options.Rows, session.Images);
        }

        if (options.Rows is not null || image.Layout.Form == RowForm.Compressed || arena.HasRoom(image) || image.Checksum() == arena.Active.Checksum)
        {
            return image;
        }

        PolicyImage compressed = PolicyImageEncoder.Encode(policy, RowForm.Compressed, session.Images);
        return compressed.Bytes < image.Bytes ? compressed : image;
    }

    /// <summary>Writes an image, reads it back, and refuses one that would judge a connection otherwise than it ought to.</summary>
    /// <returns>Its slot.</returns>
    private static int WriteAndTry(Session session, PolicyImage image, ImmutableArray<Canary> canaries, int? place = null)
    {
        int slot = session.Arena.Write(image, place);
        if (!canaries.IsEmpty)
        {
            session.Rehearsal.Require(slot, canaries);
        }

        session.Tried = (image, canaries);
        return slot;
    }

    /// <summary>
    /// What generations share leaves holes. Where a policy does not fit because of them, the one in force is first written anew as a whole, at a
    /// place that leaves what is free in one piece.
    /// </summary>
    /// <returns>What packets are judged by then.</returns>
    private static Switch MakeRoom(Session session, PolicyImage image, Switch now)
    {
        Arena arena = session.Arena;
        if (arena.HasRoom(image) || now.Lease != DpLease.None || arena.Live is not { Image: var active } || session.Tried.Image != active)
        {
            return now;
        }

        PolicyImage whole = PolicyImageEncoder.Encode(active.Policy, active.Layout.Form);
        if (arena.FindPlaceApart(whole, image.Lines) is not { } place)
        {
            return now;
        }

        arena.Turn(Switch.To(WriteAndTry(session, whole, session.Tried.Canaries, place)));
        return arena.Switch;
    }
}
