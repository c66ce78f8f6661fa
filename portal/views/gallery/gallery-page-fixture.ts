/** One page of the gallery: a view with its model and its reader. */
import type { Html } from '../../html.ts'
import type { Messages } from '../../messages/en.ts'
import type { PageContext, Reader } from '../page-context.ts'

export interface GalleryPage {
  readonly name: string
  /** Undefined: nobody is signed in. */
  readonly reader: Reader | undefined
  /** Kept apart from `draw`, so that tests can put hostile text into it. */
  readonly model: unknown
  draw(model: unknown, m: Messages, page: PageContext): Html
}

/** Ties the type of the model to the view. */
export function galleryPage<Model>(
  name: string,
  reader: Reader | undefined,
  draw: (model: Model, m: Messages, page: PageContext) => Html,
  model: Model,
): GalleryPage {
  return { name, reader, model, draw: (given, m, page) => draw(given as Model, m, page) }
}

/** A view without a model. */
export const barePage = (name: string, reader: Reader | undefined, draw: (m: Messages, page: PageContext) => Html): GalleryPage => ({
  name,
  reader,
  model: {},
  draw: (_, m, page) => draw(m, page),
})
